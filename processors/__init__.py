"""First floor: rows become examples, features, TFRecords and batches.

example.py       InputExample
base.py          DataProcessor; a data set declared as tables
label_column.py  what a column of labels looks like: classes, or scores
"""
