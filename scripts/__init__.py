"""Roof: command-line flags become settings and one call.

run_classifier.py           the main job
predict.py                  a trained classifier answers texts
serve.py                    REST, and a page to try a model
report.py                   report.html of a run, or of two beside each other
export_model.py             a trained classifier in the formats of other programs
score_pairs.py              pairs of texts, each encoded once
run_seq2seq.py              titles and other texts from texts: trained and measured
generate.py                 the same, written for new texts
pretrain_lstm.py            an LSTM language model
finetune_lstm.py            a classifier from it
lstm_experiment.py          what the one buys the other
create_pretraining_data.py  text to masked sequences
run_pretraining.py          a masked language model
extract_features.py         vectors of texts
train_tokenizer.py          a vocabulary from text
create_tfrecords.py         a task's splits to TFRecords, without training
convert_checkpoint.py       weights between formats
doctor.py                   is this environment usable
tpu_check.py                will a run compile for a TPU and fit
make_authors_data.py        made processors/data/authors
make_company_news.py        made processors/data/company_news
make_aozora_corpus.py       text of Aozora's works to pre-train on
make_bundled_model.py       writes a model as the toolkit ships it
commands.py                 all of them as one: tf-bert COMMAND
trained_models.py           a trained classifier of any kind, opened to be asked
console.py                  log lines, and errors as sentences
command_line.py             flags read as a whole, with sentences on what is wrong
flag_definitions.py         flags from a settings dataclass
flag_parsers.py             from a word to the value of a flag
other_names.py              what flags of other programs are called here
recipes.py                  flags of recipes that the toolkit ships
"""
