"""Pre-training as a masked language model.

heads.py        masked tokens, the relation of segments, their loss
preparation.py  what of it can be refused before a framework loads
run.py          its model: how it is built and what it starts from
sequences.py    what it reads, is measured by and shows
settings.py     everything a pre-training run is told
workload.py     the steps of pre-training, for tpu_check
"""
