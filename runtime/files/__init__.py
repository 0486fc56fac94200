"""File formats, read and written without the programs they come from.

json_file.py             JSON objects that strangers may have written
safetensors_file.py      safetensors: read tensor by tensor, written without a copy
hdf5_file.py             HDF5 weights, read without trusting them
leveldb_table.py         the table in them
tfrecord.py              TFRecord files without TensorFlow
protobuf.py              the protocol buffer wire format
tensorboard_events.py    TensorBoard scalars
tf_checkpoint.py         reads TensorFlow checkpoints without TensorFlow
tf_checkpoint_writer.py  TensorFlow's checkpoints, written without it
"""
