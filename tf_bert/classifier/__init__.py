"""A BERT classifier's runs.

frozen.py        the BERT as a run starts from it, under a logistic regression
heads.py         the classifier and its loss
loading.py       a trained one, opened to be asked
preparation.py   what can be refused before a framework loads
run.py           its model: how it is built and what it starts from
settings.py      everything a classifier run is told; each field is a flag
trained_part.py  full, head or top:N
workload.py      the steps of a classifier, for tpu_check
"""
