"""Training a language model.

model.py     the language model that some settings ask for
run.py       its model: how it is built and what it starts from
texts.py     what it reads and is measured by
workload.py  its steps, for tpu_check
"""
