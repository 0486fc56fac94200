"""File formats, read and written without the programs they come from.

tensor_bundle.py         reads TensorFlow checkpoints without TensorFlow
bfloat16.py              the upper half of a float32, for numpy
json_file.py             JSON objects that strangers may have written
safetensors_file.py      safetensors: read tensor by tensor, written without a copy
hdf5_file.py             HDF5 weights, read without trusting them
tensor_bundle_writer.py  TensorFlow's checkpoints, written without it
leveldb_table.py         the table in them
tfrecord.py              TFRecord files without TensorFlow
protobuf.py              the protocol buffer wire format
event_file.py            TensorBoard scalars
"""
