"""The classifier that a language model becomes.

model.py     the classifier that some settings ask for
run.py       its model: how it is built and what it starts from
workload.py  its steps, for tpu_check
"""
