"""Second floor: BERT, pre-trained, fine-tuned or read for its vectors.

settings.py                 everything a classifier run is told; each field is a flag
config.py                   bert_config.json and what must fit it
other_models.py             what is near to a BERT and is none, by its name
preparation.py              what can be refused before a framework loads
modeling.py                 the encoder, with google-research/bert's variable names
part.py                     what every layer of it has in common
norm.py                     LayerNorm with the dropout and sum before it
heads.py                    the classifier and its loss
weights.py                  starting weights, and what does not match
workload.py                 the steps of a classifier, for tpu_check
classify.py                 its run: how the model is built and what it starts from
pretraining_settings.py     everything a pre-training run is told
pretraining_preparation.py  what of it can be refused before a framework loads
pretraining_heads.py        masked tokens, the relation of segments, their loss
pretraining_workload.py     the steps of pre-training, for tpu_check
pretrain.py                 trains and evaluates a masked language model
extraction_settings.py      what the extraction of vectors is told
extraction_preparation.py   what of it can be refused before a framework loads
extraction_texts.py         the texts, as a stream
extract.py                  their vectors
extraction_parts.py         what is done of them, to go on from
extraction_output.py        JSON lines of the original, or a numpy archive
encoder.py                  a BERT that gives vectors
trained_part.py             full, head or top:N
compare.py                  a fine-tuned BERT beside itself, frozen
"""
