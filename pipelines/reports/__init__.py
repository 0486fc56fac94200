"""Results as text and as pictures.

label_sets.py  reports as text where a text has any number of labels
plots.py       reports as pictures
report.py      reports as text
"""
