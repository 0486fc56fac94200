"""From token ids to the steps that devices compute, whatever the model.

feed.py       batches of a run, as its training loop reads them
settings.py   what decides the steps of a model that reads token ids
training.py   the training of a run
workload.py   the same steps without data, for those who compile them
"""
