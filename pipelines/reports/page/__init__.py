"""A run's files as one page that a person opens.

answered.py     the answers to a split, from its table
beside.py       two runs on the same examples
cells.py        a confusion matrix whose cells open their examples
charts.py       pictures as SVG
document.py     report.html of a run
examples.py     texts with what is right and what was answered
markup.py       HTML in which texts stay texts
run_files.py    what a run's folder says
scoring.py      scores of weighted cases
sections.py     what a page says, one function a section
style.py        how a page looks
uncertainty.py  intervals of scores, and McNemar's test
"""
