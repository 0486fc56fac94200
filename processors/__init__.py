"""First floor: rows become examples, features, TFRecords and batches.

example.py          InputExample
base.py             DataProcessor; a data set declared as tables
lists.py            a data set that is in memory, as in a notebook
labels.py           the names of classes: what is one, their order, which are alike
label_column.py     what a column of labels looks like: classes, or scores
label_rule.py       which labels the rows of a split may have
registry.py         task names and what they stand for
table_options.py    files, columns and labels of a user's own table
data_files.py       where the files of a data set are
features.py         [CLS] a [SEP] b [SEP], not padded
records.py          TFRecord shards and their manifest
conversion.py       examples of any number to TFRecords, by several processes
beam_conversion.py  the same as an Apache Beam pipeline
example_proto.py    tf.train.Example, many at a time
token_dataset.py    a split's ids in memory
batches.py          batches of static shape, for training and evaluation
packing.py          where examples lie in the rows of a batch
splitting.py        deals the training examples to splits
leakage.py          what two splits have in common
near_copies.py      texts one character apart
shared_passages.py  texts of which the greater part is the same
data_report.py      what a run's data are like, as a page of text
text_table.py       tables that line up, Japanese among them
report.py           reports as text
plots.py            reports as pictures
example_columns.py  columns of numbers to tf.train.Example and back
vector_cache.py     vectors of examples on disk, by content
"""
