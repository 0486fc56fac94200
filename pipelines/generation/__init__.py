"""Train a model that writes texts from texts, let it write, and measure that.

comparison.py     the same scores of what needs no model, and how sure a difference is
data_check.py     what a run finds out about its sources and targets
library_scores.py BLEU and chrF, through sacrebleu
outputs.py        what a model writes for a split
preparation.py    what its settings name, read before a framework loads
report.py         what it wrote, for programs and for people
rouge.py          ROUGE of texts as Japanese is read
run.py            the order of work
scores.py         how much written texts are like the given ones
settings.py       what a run is told
targets.py        targets as the vocabulary keeps them
"""
