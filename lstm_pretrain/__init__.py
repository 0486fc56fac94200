"""Third floor: an LSTM language model, and the classifier it becomes.

settings.py      everything its runs are told; each field is a flag
preparation.py   what can be refused before a framework loads
vocabularies.py  which tokenizer a run reads
data.py          texts as it reads them; a language model's targets
workload.py      the steps of both, for tpu_check
"""
