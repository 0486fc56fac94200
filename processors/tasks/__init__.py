"""The data sets that are known by name, one a file.

settings.py       what is said of a task's data; each field is a flag
registry.py       task names and what they stand for
table_options.py  files, columns and labels of a user's own table
lists.py          a data set that is in memory, as in a notebook

The others declare one data set each:

aozora_pair.py  authors.py  chabsa.py  cola.py  company_news.py  folder.py  janli.py
jnli.py  jsts.py  lines.py  livedoor.py  livedoor_titles.py  mnli.py  mrpc.py  pairs.py
records.py  source_target.py  stsb.py  table.py  tfds.py  xnli.py
"""
