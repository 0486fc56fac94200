"""Roof: command-line flags become settings and one call.

run_classifier.py           the main job
score_pairs.py              pairs of texts, each encoded once
predict.py                  a trained classifier answers texts
tpu_check.py                will a run compile for a TPU and fit
serve.py                    REST, and a page to try a model
report.py                   report.html of a run, or of two beside each other
doctor.py                   is this environment usable
pretrain_lstm.py            an LSTM language model
finetune_lstm.py            a classifier from it
lstm_experiment.py          what the one buys the other
train_tokenizer.py          a vocabulary from text
create_tfrecords.py         a task's splits to TFRecords, without training
convert_checkpoint.py       weights between formats
export_model.py             a trained classifier in the formats of other programs
trained_models.py           a trained classifier of any kind, opened to be asked
make_authors_data.py        made processors/data/authors
commands.py                 all of them as one: tf-bert COMMAND
make_company_news.py        made processors/data/company_news
flag_definitions.py         flags from a settings dataclass
flag_parsers.py             from a word to the value of a flag
command_line.py             flags read as a whole, with sentences on what is wrong
other_names.py              what flags of other programs are called here
console.py                  log lines, and errors as sentences
recipes.py                  flags of recipes that the toolkit ships
create_pretraining_data.py  text to masked sequences
run_pretraining.py          a masked language model
extract_features.py         vectors of texts
generate.py                 titles and other texts for texts
make_aozora_corpus.py       text of Aozora's works to pre-train on
make_bundled_model.py       writes a model as the toolkit ships it
"""
