"""The classifier that a language model becomes.

preparation.py  what can be refused before a framework loads
run.py          train, evaluate, predict with a classifier
settings.py     everything its run is told; each field is a flag
"""
