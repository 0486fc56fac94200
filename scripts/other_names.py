"""What flags of other programs are called here, for those who come from there.

Source: TrainingArguments and run_glue.py of Hugging Face's transformers;
`run_classifier.py` and `run_pretraining.py` of google-research/bert and albert;
arguments of `keras.Model.fit` and of Keras layers.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Collection, Iterable

_ALL_DEVICES = "It counts the examples of all devices together."
_COUNTED = "Labels are counted from the data; --labels names them in an order of yours."
_BETAS = "The betas of every --optimizer are 0.9 and 0.999."
_BEST = "It names a score, as in --best_by=eval_loss."
_LOGGED = (
    "Every update is logged, in metrics.jsonl and for TensorBoard; --track=mlflow shows"
    " it to MLflow."
)
_EXPORT = (
    "scripts/export_model.py writes a trained classifier for servers,"
    " scripts/convert_checkpoint.py writes trained weights for other programs."
)


@dataclasses.dataclass(frozen=True)
class Advice:
    """What to use instead of another program's flag.

    Attributes:
        flags: Ours, the first that a script has is meant.
        text: What there is to say beside, or where a script has none of them.
    """

    flags: tuple[str, ...] = ()
    text: str = ""


def _each(names: str, *flags: str, text: str = "") -> dict[str, Advice]:
    return dict.fromkeys(names.split(), Advice(flags, text))


_OTHERS: dict[str, Advice] = {
    **_each("max_seq_len max_len maxlen max_length seq_length", "max_seq_length"),
    **_each(
        "epochs epoch num_epochs n_epochs nb_epoch train_epochs",
        *("num_train_epochs", "train_steps"),
    ),
    **_each("lr rate adam_lr", "learning_rate"),
    **_each(
        "batch_size batch per_device_train_batch_size per_gpu_train_batch_size",
        *("train_batch_size", "batch_size"),
        text=_ALL_DEVICES,
    ),
    **_each(
        "per_device_eval_batch_size per_gpu_eval_batch_size",
        "eval_batch_size",
        text=_ALL_DEVICES,
    ),
    **_each("warmup_ratio", "warmup_proportion", "num_warmup_steps"),
    **_each("warmup_steps warmup_step", "num_warmup_steps", "warmup_proportion"),
    **_each(
        "num_train_steps train_steps train_step max_train_steps max_steps",
        *("num_train_steps", "max_steps"),
    ),
    **_each("steps_per_execution", "steps_per_call"),
    **_each(
        "accumulation_steps accumulate_grad_batches", "gradient_accumulation_steps"
    ),
    **_each(
        "model_name_or_path model_name pretrained_model bert_model checkpoint",
        *("init_checkpoint", "input"),
    ),
    **_each("tokenizer_name", "tokenizer_dir"),
    **_each("config_name config_file albert_config_file", "bert_config_file"),
    **_each("spm_model_file spm_model sp_model", "model_file"),
    **_each("vocab vocab_path", "vocab_file"),
    **_each("model_dir out_dir save_dir checkpoint_dir", "output_dir", "output"),
    **_each("save_steps save_freq", "save_checkpoints_steps"),
    **_each("save_total_limit keep_checkpoint_max", "keep_checkpoints"),
    **_each("overwrite_output_dir", "resume", text="--resume=never starts anew."),
    **_each("resume_from_checkpoint", "resume"),
    **_each("validation_file valid_file", "dev_file"),
    **_each("validation_split", "split", text="As in --split=train:0.9,dev:0.1."),
    **_each("text_column text_column_name tfds_text", "text_a"),
    **_each("label_column label_column_name tfds_label", "label"),
    **_each("task dataset", "task_name"),
    **_each(
        "data_path dataset_path data tfds_data_dir", "data_dir", "input", "input_file"
    ),
    **_each("do_test do_pred", "do_predict"),
    **_each("do_valid do_validate", "do_eval"),
    **_each("fp16 bf16 mixed_precision amp", "precision", text="--precision=bfloat16."),
    **_each("no_cuda use_cpu", "accelerator", text="--accelerator=cpu."),
    **_each("use_gpu gpu gpus device devices", "accelerator"),
    **_each("framework", "backend"),
    **_each("random_seed", "seed"),
    **_each("seed", "random_seed"),
    **_each("embedding_dim embed_dim", "embedding_size"),
    **_each("hidden_dim lstm_units rnn_units", "hidden_size"),
    **_each("max_features num_words", "vocab_size"),
    **_each("dropout_rate", "dropout"),
    **_each("mlm_probability", "mlm_prob", "masked_lm_prob"),
    **_each("num_labels num_classes n_classes label_list", text=_COUNTED),
    **_each("class_weight pos_weight", "class_weights"),
    **_each("label_smoothing_factor smoothing", "label_smoothing"),
    **_each("early_stopping_patience early_stopping", "patience"),
    **_each("early_stopping_threshold min_delta", "min_improvement"),
    **_each(
        "metric_for_best_model load_best_model_at_end restore_best_weights monitor",
        "best_by",
        text=_BEST,
    ),
    **_each("shuffle", text="Training examples are shuffled anew in every epoch."),
    **_each("adam_beta1 adam_beta2 beta_1 beta_2", text=_BETAS),
    **_each("epsilon adam_eps", "adam_epsilon"),
    **_each("clipnorm clip_norm global_clipnorm gradient_clip_val", "max_grad_norm"),
    **_each("wd l2 decay", "weight_decay"),
    **_each("lr_scheduler_type lr_schedule", "schedule"),
    **_each(
        "eval_strategy evaluation_strategy eval_steps validation_freq", "eval_every"
    ),
    **_each("logging_steps logging_dir report_to verbose", text=_LOGGED),
    **_each("do_export export_dir push_to_hub do_save", text=_EXPORT),
}


def advice(name: str, *, known: Collection[str]) -> str:
    """What to use instead of a flag that a script does not have.

    Args:
        name: Without dashes in front.
        known: The flags that it has.

    Returns:
        One or two sentences; empty where nothing is near.
    """
    plain = name.lower().replace("-", "_")
    other = _OTHERS.get(plain, Advice())
    meant = _first([plain, *other.flags], known) or (
        "" if other.text else _nearest(plain, known)
    )
    text = "" if plain == meant else other.text
    return " ".join(filter(None, [meant and f"Did you mean --{meant}?", text]))


def _first(names: Iterable[str], known: Collection[str]) -> str:
    return next((name for name in names if name in known), "")


def _nearest(name: str, known: Collection[str]) -> str:
    """The known name that differs least; empty where none is like it."""
    return next(iter(difflib.get_close_matches(name, sorted(known), n=1)), "")
