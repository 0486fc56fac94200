"""Train, evaluate and predict with a classifier.

answers.py         a label, several or a number: scored and reported
best_seed.py       which run of several seeds answers for all
class_weights.py   what training examples of each class weigh
comparison.py      majority, TF-IDF, and the table of accuracies
conversion.py      the splits of a task to TFRecords, without training
data_check.py      finds all that is wrong with the data, before a framework loads
evaluation.py      eval_results.txt and the reports on the dev split
label_check.py     what a classifier asks of labels
logistic.py        logistic regression on frozen vectors
outputs.py         what the model says of each example
prediction.py      the files of a prediction
preparation.py     the task's processor and folder, before a framework loads
records_of_run.py  the records that splits are taken from or written to
rows.py            the rows of a task, each read once
run.py             train, evaluate, predict: a run on one page
score_names.py     the scores that a task has
scores.py          from outputs to numbers
seed_pages.py      what the runs of several seeds say together
seed_results.py    what the run of one of them has come to
seeds.py           a run, or one for each of several seeds
settings.py        what a run on a task is told
splits.py          a task's splits, tokenised
thresholds.py      which probability makes a label one of several
"""
