"""A trained model, asked.

answer.py           what it says of a text
predictor.py        the model on its devices: texts in, answers out
served.py           what a model hands over to be asked
recorded.py         what a run's folder says of it
settings.py         what a prediction of many texts is told
prediction.py       many texts through a model
rows.py             the texts of a file or of a pipe
sinks.py            where answers go
serve_settings.py   how a model is served
server.py           serves until it is asked to end
application.py      what a server answers to whom
request.py          what a client asks for, read with care
service.py          the model of a server: loading, then available
batching.py         requests answered together
explanation.py      what an answer leans on, by leaving parts out
measurements.py     what Prometheus reads
"""
