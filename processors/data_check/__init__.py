"""What a run finds out about its data before it learns from them.

leakage.py          what two splits have in common
near_copies.py      texts one character apart
report.py           what a run's data are like, as a page of text
shared_passages.py  texts of which the greater part is the same
splitting.py        deals the training examples to splits
text_table.py       tables that line up, Japanese among them
"""
