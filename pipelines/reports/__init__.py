"""Results as text and as pictures.

plots.py   reports as pictures
report.py  reports as text
"""
