"""The classifier that a language model becomes.

run.py  train, evaluate, predict with a classifier
"""
