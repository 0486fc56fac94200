"""Labels: what is one, in which order, and what a split may have.

label_names.py  the names of classes: what is one, their order, which are alike
label_rule.py   which labels the rows of a split may have
targets.py      what examples are told apart by: a label, several, a number
"""
