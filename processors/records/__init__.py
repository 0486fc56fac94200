"""TFRecords: examples to shards and back.

beam_conversion.py  the same as an Apache Beam pipeline
conversion.py       examples of any number to TFRecords, by several processes
example_columns.py  columns of numbers to tf.train.Example and back
example_proto.py    tf.train.Example, many at a time
manifest.py         what a data set of records says of itself
reuse.py            whether records are what tokenizing would give
store.py            TFRecord shards and their manifest
token_example.py    an example that is tokens already
"""
