"""A BERT read for its vectors.

encoder.py       a BERT that gives vectors
output.py        JSON lines of the original, or a numpy archive
parts.py         what is done of them, to go on from
preparation.py   what of it can be refused before a framework loads
run.py           their vectors
settings.py      what the extraction of vectors is told
texts.py         the texts, as a stream
vector_cache.py  vectors of examples on disk, by content
"""
