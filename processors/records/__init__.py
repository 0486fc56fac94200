"""TFRecords: examples to shards and back.

beam_conversion.py  the same as an Apache Beam pipeline
conversion.py       examples of any number to TFRecords, by several processes
example_columns.py  columns of numbers to tf.train.Example and back
example_proto.py    tf.train.Example, many at a time
store.py            TFRecord shards and their manifest
"""
