"""Results as text and as pictures.

over_seeds.py  how sure a mean over seeds is
plots.py       reports as pictures
report.py      reports as text
"""
