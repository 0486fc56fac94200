"""A trained classifier, for other programs.

settings.py     what an export is told
run.py          each format written aside, read back, and only then published
refusals.py     what cannot be had, said before any work
writers.py      what the processes of an export do
probes.py       what a model and its exports are asked
check.py        whether an export answers as the model does
graph.py        a tokenizer as a graph has it
model_card.py   the page beside its weights
"""
