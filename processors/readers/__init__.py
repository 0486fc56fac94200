"""Files of rows, each row with its file and line, and what becomes of a bad one.

Text is decoded strictly; a line ends at a line feed or carriage return and line feed
and nowhere else, unless a file has no line feed. Nothing here needs memory that grows
with the file.

row.py           one record, or what keeps it from being one
lines.py         lines, strictly decoded
file_kinds.py    what a file is that holds no text
encodings.py     what a file is written in, and what it may be instead
tables.py        TSV and CSV
columns.py       the columns that rows must have, and what to do where they have not
json_rows.py     JSON and JSON Lines
json_layouts.py  where the rows of a JSON file are
json_items.py    the items of an array or object, one at a time
folders.py       a folder of text files for each class
pairs.py         labelled pairs of ids, and the texts by id
prepared.py      what TensorFlow Datasets has prepared
notices.py       what is odd about a file, said once
sieve.py         rows accepted, or refused with a reason
data_files.py    where the files of a data set are
"""
