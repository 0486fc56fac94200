"""Text corpora in the form they are downloaded in.

archives.py       members of an archive, never unpacked
livedoor.py       its articles
chabsa.py         its sentences
company_news.py   makes the data of good and bad news from them
author_pair.py    deals the works of two authors to splits
aozora.py         its works as plain paragraphs
aozora_marks.py   characters that they only describe
authors.py        makes the six-author data from them
aozora_corpus.py  running text of its works, without what is tested on
"""
