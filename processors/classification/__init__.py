"""What every classifier shares, whatever its model: splits, outputs, reports.

data_settings.py  what is said of a task's data
settings.py       what a run on a task is told
preparation.py    the task's processor and folder, before a framework loads
conversion.py     the splits of a task to TFRecords, without training
rows.py           the rows of a task, each read once
splits.py         a task's splits, tokenised and kept as records
records_of_run.py  what a run writes of its splits
data_check.py     finds all that is wrong with the data, before a framework loads
label_check.py    what a classifier asks of labels
outputs.py        what the model says of each example
run.py            train, evaluate, predict; a pipeline adds its model
logistic.py       logistic regression on frozen vectors
comparison.py     majority, TF-IDF, and the table of accuracies
"""
