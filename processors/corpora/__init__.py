"""Text corpora in the form they are downloaded in.

archives.py       members of an archive, never unpacked
livedoor.py       its articles
chabsa.py         its sentences
author_pair.py    deals the works of two authors to splits
aozora.py         its works as plain paragraphs
authors.py        makes the six-author data from them
aozora_corpus.py  running text of the six authors, without what is tested on
"""
