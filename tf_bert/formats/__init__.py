"""Weights as other programs keep them: found, read, written and converted.

names.py            what each variable is called by whom: one table, both ways
variables.py        the variables that a BERT of given sizes has
dialects.py         settings in Hugging Face's and KerasHub's words
special_ids.py      which ids pad, separate and mask, in each format's words
digest.py           what tells weights apart by their content
source.py           stored weights, whatever their kind
foreign.py          what is not read, by its name, and what to do
find.py             which kind lies at a path
hugging_face.py     config.json and safetensors, in and out
encoder_decoder.py  Hugging Face folders of two BERTs
sides.py            one side of them, as the weights of a BERT
keras_hub.py        KerasHub presets, in and out
tensorflow1.py      TensorFlow 1 checkpoints, in and out
native.py           this toolkit's checkpoints, in and out
tokenizer_files.py  the vocabulary that goes with the weights
own_tokenizer.py    that of the weights a run starts from, where none is named
unigram.py          a SentencePiece model as tokenizer.json
exported.py         a classifier's folder for transformers
losses.py           what a format has no place for
convert.py          from any to any, read back and compared
bundled.py          models that come with the toolkit
weights.py          starting weights, and what does not match
"""
