"""Texts from texts, such as titles: an encoder and a decoder, both BERT.

modeling.py         the two of them, with the variable names of google-research/bert
objective.py        loss and outputs of training
start.py            the weights of each side to start from
search_settings.py  how a text is written
search.py           greedy and beam search as one program
"""
