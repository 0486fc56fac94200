"""Train and evaluate a language model.

masked_words.py  and what, for people to read
run.py           train and evaluate; a pipeline adds its model
scores.py        how well it is
"""
