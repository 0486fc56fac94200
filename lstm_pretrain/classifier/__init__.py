"""The classifier that a language model becomes.

frozen.py       a head on the states of an LSTM that is not trained
loading.py      a trained one, opened to be asked
model.py        the classifier that some settings ask for
preparation.py  what can be refused before a framework loads
run.py          its model: how it is built and what it starts from
settings.py     everything its run is told; each field is a flag
workload.py     its steps, for tpu_check
"""
