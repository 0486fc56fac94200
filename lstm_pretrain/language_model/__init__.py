"""Training a language model.

run.py  trains a language model, measures perplexity
"""
