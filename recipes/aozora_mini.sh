#!/usr/bin/env bash
# Makes the model of tf_bert/data/aozora-mini from Aozora Bunko's texts, about 45 minutes
# on two cores with bfloat16. Run from the root of the checkout, in the quickstart's
# environment.
#
#   bash recipes/aozora_mini.sh ARCHIVE FOLDER
#
# First sequences of 32 tokens, in which attention finds its neighbours soonest, then
# sequences of 128.
set -euo pipefail
archive="$1" folder="$2"

python scripts/make_aozora_corpus.py --archive="$archive" --output_dir="$folder/corpus"

sequences() { # split, tokens, masked tokens at most, passes over the text
  python scripts/create_pretraining_data.py --flagfile=recipes/aozora_mini_data.flags \
    --input_file="$folder/corpus/$1.txt" --output_file="$folder/data/$1$2.tf_record" \
    --max_seq_length="$2" --max_predictions_per_seq="$3" --dupe_factor="$4"
}
sequences train 32 5 2
sequences heldout 32 5 1
sequences train 128 20 3
sequences heldout 128 20 1

train() { # tokens, masked tokens at most, the rest as it is
  python scripts/run_pretraining.py --flagfile=recipes/aozora_mini.flags \
    --input_file="$folder/data/train$1.tf_record" \
    --eval_file="$folder/data/heldout$1.tf_record" \
    --max_seq_length="$1" --max_predictions_per_seq="$2" --output_dir="$folder/$1" "${@:3}"
}
train 32 5 --train_batch_size=128 --num_train_steps=2000 --num_warmup_steps=150
train 128 20 --train_batch_size=32 --num_train_steps=1600 --num_warmup_steps=100 \
  --init_checkpoint="$folder/32"

python scripts/make_bundled_model.py --input="$folder/128" --output="$folder/aozora-mini"
