"""Second floor: an LSTM language model, and the classifier it becomes.

settings.py                everything its runs are told; each field is a flag
config.py                  sizes and dropout
preparation.py             what can be refused before a framework loads
vocabularies.py            which vocabulary a run reads
data.py                    texts as it reads them; a language model's targets
modeling.py                the encoder, in Keras' layers and names
heads.py                   language model and classifier
pretrain.py                trains a language model, measures perplexity
finetune.py                train, evaluate, predict with a classifier
workload.py                the steps of both, for tpu_check
experiment_settings.py     what the comparison is told
experiment_preparation.py  which sizes the data allow, before anything is trained
experiment.py              pretrained beside random starts, cell by cell
cells.py                   results.jsonl
summary.py                 means, differences, intervals
figures.py                 the two pictures
"""
