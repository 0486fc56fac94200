"""Training a language model.

model.py        the language model that some settings ask for
preparation.py  what can be refused before a framework loads
run.py          its model: how it is built and what it starts from
settings.py     everything its run is told; each field is a flag
texts.py        what it reads and is measured by
workload.py     its steps, for tpu_check
"""
