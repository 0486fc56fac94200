"""A trained model, asked.

answer.py          what it says of a text
application.py     what a server answers to whom
batching.py        requests answered together
explanation.py     what an answer leans on, by leaving parts out
measurements.py    what Prometheus reads
predictor.py       the model on its devices: texts in, answers out
recorded.py        what a run's folder says of it
request.py         what a client asks for, read with care
serve_settings.py  how a model is served
served.py          what a model hands over to be asked
server.py          serves until it is asked to end
service.py         the model of a server: loading, then available
"""
