"""Texts from texts, such as titles: an encoder and a decoder, both BERT.

modeling.py         the two of them, with the variable names of google-research/bert
objective.py        loss and outputs of training
start.py            the weights of each side to start from
search_settings.py  how a text is written
settings.py         everything its run is told; each field is a flag
preparation.py      what of a run can be refused before a framework loads
run.py              its model: how it is built and what it starts from
workload.py         its steps, for tpu_check
search.py           greedy and beam search as one program
"""
