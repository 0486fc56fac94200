"""Pairs, each text encoded once: the bi-encoder.

heads.py             how two encoded texts are combined
modeling.py          the model
preparation.py       what can be refused before a framework loads
run.py               its model: how it is built and what it starts from
settings.py          everything a run is told; each field is a flag
ranking.py           a second loss: texts that belong together are near
workload.py          its steps, for tpu_check
encoding.py          texts to vectors that are kept
frozen.py            which a head learns from whose encoder is not trained
scoring.py           pairs of encoded texts to probabilities
nearest.py           the best partners of every text
candidate_index.py   and an index that says which are likely
comparison.py        both architectures beside each other
trained_pairs.py     a trained bi-encoder, opened to score
scoring_run.py       the pairs of a file, or of all texts, to a table
scoring_settings.py  what that is told
"""
