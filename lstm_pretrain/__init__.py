"""Third floor: an LSTM language model, and the classifier it becomes.

settings.py      what both models' runs are told; each field is a flag
preparation.py   what both models' runs are made of
vocabularies.py  which tokenizer a run reads
data.py          texts as it reads them; a language model's targets
"""
