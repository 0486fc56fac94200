"""A trained model, asked.

answer.py     what it says of a text
predictor.py  the model on its devices: texts in, answers out
recorded.py   what a run's folder says of it
served.py     what a model hands over to be asked
"""
