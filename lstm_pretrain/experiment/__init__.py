"""Pretrained beside random starts, as a learning curve.

cell_training.py  one classifier, trained and tested
cell_workers.py   one after the other, or several at once
cells.py          results.jsonl
figures.py        the two pictures
preparation.py    which sizes the data allow, before anything is trained
run.py            pretrained beside random starts, cell by cell
settings.py       what the comparison is told
summary.py        means, differences, intervals
"""
