#!/usr/bin/env bash
# Makes a model like tf_bert/data/ja-mini from raw text: corpus, tokenizer, sequences, two
# phases of pre-training, the model with its card. Run from the root of the checkout, in
# the quickstart's environment.
#
#   bash recipes/ja_mini.sh ARCHIVE FOLDER [TEXT]
#
# ARCHIVE is a tar archive of Aozora Bunko's text files (cards/PERSON/files/...), TEXT more
# text, a sentence a line and a blank line between documents. A step that is done leaves a
# mark in FOLDER/done: after a stop or a kill the same command goes on where it was, to the
# same bytes. The budget of ja-mini itself is the default; it took minutes on one GPU, and
# takes days on two cores. Variables shorten it: SHORT_STEPS=20 LONG_STEPS=5 BATCH=16 ...
set -euo pipefail
archive="$1" folder="$2" text="${3:-}"

vocabulary="${VOCABULARY:-16000}" coverage="${COVERAGE:-0.9999}"
sampled="${SAMPLED:-0.06}"  # of the lines, for the tokenizer
short_steps="${SHORT_STEPS:-7000}" long_steps="${LONG_STEPS:-700}"
batch="${BATCH:-1024}" long_batch="${LONG_BATCH:-256}"
precision="${PRECISION:-bfloat16}" workers="${WORKERS:-2}"
config="${CONFIG:-recipes/ja_mini.json}"

step() { # name, command
  local mark="$folder/done/$1"
  [[ -e "$mark" ]] && return
  echo "== $1"
  "${@:2}"
  mkdir -p "$folder/done" && : > "$mark"
}

corpus() {
  python scripts/make_aozora_corpus.py --archive="$archive" --authors=all \
    --output_dir="$folder/corpus"
  if [[ -n "$text" ]]; then
    { echo; cat "$text"; } >> "$folder/corpus/train.txt"
  fi
}

tokenizer() {
  awk -v share="$sampled" 'BEGIN { srand(7) } rand() < share' \
    "$folder/corpus/train.txt" > "$folder/corpus/sample.txt"
  python scripts/train_tokenizer.py --input="$folder/corpus/sample.txt" \
    --vocab_size="$vocabulary" --character_coverage="$coverage" --byte_fallback \
    --output_dir="$folder/tokenizer"
}

sequences() { # split, tokens, masked tokens at most
  python scripts/create_pretraining_data.py --tokenizer_dir="$folder/tokenizer" \
    --mode=dynamic --objective=mlm --do_whole_word_mask --short_seq_prob=0 \
    --input_file="$folder/corpus/$1.txt" --output_file="$folder/data/$1$2.tf_record" \
    --max_seq_length="$2" --max_predictions_per_seq="$3" --workers="$workers"
}

train() { # tokens, masked tokens at most, updates, of them warm-up, batch, rate, the rest
  python scripts/run_pretraining.py --do_train --do_eval --bert_config_file="$config" \
    --tokenizer_dir="$folder/tokenizer" --input_file="$folder/data/train$1.tf_record" \
    --eval_file="$folder/data/heldout$1.tf_record" --max_seq_length="$1" \
    --max_predictions_per_seq="$2" --num_train_steps="$3" --num_warmup_steps="$4" \
    --train_batch_size="$5" --learning_rate="$6" --eval_batch_size=64 --optimizer=adamw \
    --precision="$precision" --output_dir="$folder/$1" "${@:7}"
}

model() {
  rm -rf "$folder/model"
  python scripts/make_bundled_model.py --input="$folder/512" \
    --tokenizer_dir="$folder/tokenizer" --output="$folder/model"
  card > "$folder/model/README.md"
}

card() {
  cat <<END
# A small Japanese BERT

| | |
|---|---|
| text | $(wc -m < "$folder/corpus/train.txt") characters: works of Aozora Bunko in which nobody holds rights${text:+, and $text} |
| held out | the works of the dev and test split of the task \`authors\`, $(wc -m < "$folder/corpus/heldout.txt") characters evaluated on |
| tokenizer | SentencePiece, $vocabulary pieces, bytes for what is not among them |
| training | $short_steps updates of $batch sequences of up to 128 tokens, then $long_steps of $long_batch of up to 512; AdamW, no dropout, $precision |
| held-out, 128 tokens | $(scores 128) |
| held-out, 512 tokens | $(scores 512) |
| made by | \`bash recipes/ja_mini.sh\` |
END
}

scores() { # tokens
  grep masked_lm "$folder/$1/eval_results.txt" | paste -sd, | sed 's/,/, /g'
}

step corpus corpus
step tokenizer tokenizer
for split in train heldout; do
  step "$split-128" sequences "$split" 128 26
  step "$split-512" sequences "$split" 512 77
done
step pretraining-128 train 128 26 "$short_steps" "$((short_steps * 2 / 35))" "$batch" \
  1.5e-3 --mlm_prob=0.2
step pretraining-512 train 512 77 "$long_steps" "$((long_steps / 14))" "$long_batch" \
  4e-4 --mlm_prob=0.15 --init_checkpoint="$folder/128"
step model model
