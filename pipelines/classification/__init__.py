"""Train, evaluate and predict with a classifier.

comparison.py      majority, TF-IDF, and the table of accuracies
conversion.py      the splits of a task to TFRecords, without training
data_check.py      finds all that is wrong with the data, before a framework loads
label_check.py     what a classifier asks of labels
logistic.py        logistic regression on frozen vectors
outputs.py         what the model says of each example
preparation.py     the task's processor and folder, before a framework loads
records_of_run.py  the records that splits are taken from or written to
rows.py            the rows of a task, each read once
run.py             train, evaluate, predict; a pipeline adds its model
settings.py        what a run on a task is told
splits.py          a task's splits, tokenised
"""
