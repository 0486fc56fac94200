"""Training a language model.

preparation.py  what can be refused before a framework loads
run.py          trains a language model, measures perplexity
settings.py     everything its run is told; each field is a flag
"""
