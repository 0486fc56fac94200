"""A trained classifier in the formats of other programs, and read back.

rows_model.py             the model on plain rows, from ids to probabilities
row_inputs.py             what it reads, without a framework
text_rows.py              what says how texts become such rows
text_rows_tf.py           that in TensorFlow's graph
saved_model_tf.py         a SavedModel, from strings and from ids
stablehlo_jax.py          StableHLO for every platform
keras_formats.py          what Keras itself exports: ONNX and LiteRT
read_back.py              a fresh process that cannot import the toolkit
read_saved_model_tf.py    read there: a SavedModel
read_stablehlo_jax.py     StableHLO
read_hugging_face.py      a folder of transformers
read_onnx.py              ONNX
read_litert.py            LiteRT
"""
