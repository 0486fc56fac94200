"""Token ids as batches of static shape.

batch_shape.py      how many examples a batch has, and in what rows
batches.py          batches of static shape, for training and evaluation
features.py         [CLS] a [SEP] b [SEP], not padded
grouped_batches.py  texts of about one length together
long_array.py       numbers in memory, or on the disk where they are many
long_texts.py       what is read of a text that is longer than a row
packing.py          where examples lie in the rows of a batch
predicted_tokens.py positions at which a token is predicted
settings.py         how a run's batches are laid out
texts_apart.py      pairs whose texts are encoded each by itself
source_target_features.py  sources and the targets that are learned
token_dataset.py    a split's ids, end to end
windows.py          long examples in several rows
"""
