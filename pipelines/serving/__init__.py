"""A trained model, asked.

answer.py           what it says of a text
predictor.py        the model on its devices: texts in, answers out
recorded.py         what a run's folder says of it
served.py           what a model hands over to be asked
settings.py         what a prediction of many texts is told
prediction.py       many texts through a model
rows.py             the texts of a file or of a pipe
sinks.py            where answers go
export_settings.py  what an export is told
export.py           the formats of other programs, each read back
export_formats.py   what the processes of an export do
graph.py            a tokenizer as a graph has it
model_card.py       the page beside its weights
"""
