"""Train and evaluate a language model.

masked_words.py  and what, for people to read
run.py           train and evaluate: a run on one page
scores.py        how well it is
"""
