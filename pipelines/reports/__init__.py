"""Results as text and as pictures.

label_sets.py  reports as text where a text has any number of labels
over_seeds.py  how sure a mean over seeds is
plots.py       reports as pictures
report.py      reports as text
"""
