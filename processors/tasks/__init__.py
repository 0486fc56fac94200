"""The data sets that are known by name, one a file.

aozora_pair.py  authors.py  chabsa.py  cola.py  folder.py  janli.py  jnli.py
lines.py  livedoor.py  mnli.py  mrpc.py  pairs.py  table.py  tfds.py  xnli.py
"""
