"""Ground floor: where and on what a run runs. Knows no text and no model.

settings.py   how a settings field becomes a flag
errors.py     the errors a run can end with
processes.py  work in several processes, its results in order
scoped.py     what holds within a with block
"""
