"""The LSTM, in Keras' layers and names.

config.py          sizes and dropout
heads.py           language model and classifier
modeling.py        the encoder, in Keras' layers and names
recurrence.py      an LSTM's time loop, its gradient written out
recurrence_jax.py  and on JAX
recurrence_tf.py   it on TensorFlow
"""
