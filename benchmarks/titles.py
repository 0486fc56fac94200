"""A training update and a search of an encoder-decoder, beside Hugging Face on torch.

    python benchmarks/titles.py [--data_dir=FOLDER]

The folder holds the livedoor news corpus, whose first articles and titles are the
pairs; without it they are shipped paragraphs and their first sentences. Both sides
start from one BERT, whose new parts are random; both programs have the same weights, in
float32, and take turns. Every written text has exactly `--tokens` tokens, so that none
ends early, and equal digests are equal ids.

With --memory: the peak memory of this toolkit's process that updates with 16 slices of
4 pairs, and of one that updates with one slice of 4.

Peer (optional): `pip install transformers==5.24.0 torch`.
"""

from __future__ import annotations

import dataclasses
import resource
import tempfile
from collections.abc import Callable
from typing import Any

import machine
import numpy as np
import shipped
import tables
import turns
from absl import app, flags

_DATA = flags.DEFINE_string("data_dir", None, "The corpus.")
_CHECKPOINT = flags.DEFINE_string("checkpoint", "bundled:ja-mini", "A BERT.")
_TEXTS = flags.DEFINE_integer("texts", 32, "Texts of a search.")
_PAIRS = flags.DEFINE_integer("pairs", 16, "Pairs of an update.")
_SOURCE = flags.DEFINE_integer("source", 512, "Tokens of the longest source.")
_TOKENS = flags.DEFINE_integer("tokens", 64, "Tokens of every target.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Timed rounds, after one that is not.")
_WAYS = flags.DEFINE_list("ways", ["beam 4", "greedy", "update"], "What to time.")
_BACKEND = flags.DEFINE_string("backend", "tensorflow", "Of this toolkit.")
_MEMORY = flags.DEFINE_bool("memory", False, "Measure memory in place of time.")
_FOLDER = flags.DEFINE_string("folder", None, "Internal: the weights of both.")
_WORKER = flags.DEFINE_string("worker", None, "Internal: the program to run.")

_PROGRAMS = ("this toolkit", "transformers")
_SLICES = {"1 slice of 4": 1, "16 slices of 4": 16}


def main(_: list[str]) -> None:
    """Times every program.

    Raises:
        SystemExit: The weights of both could not be written.
    """
    if _WORKER.value == "weights":
        turns.serve(lambda _: turns.take(_write_weights))
    elif _WORKER.value in _SLICES:
        turns.serve(_updates(_SLICES[_WORKER.value]))
    elif _WORKER.value:
        work = {"this toolkit": _this_toolkit, "transformers": _transformers}
        turns.serve(work[_WORKER.value]())
    elif _MEMORY.value:
        _show(
            turns.measure(dict.fromkeys(_SLICES, ("update",)), flags=[], rounds=2),
            way="update",
        )
    else:
        with tempfile.TemporaryDirectory() as folder:
            flag = f"--folder={folder}/weights"
            made = turns.measure(
                {"weights": ["write"]}, flags=[flag], rounds=1, untimed=0
            )
            if made.missing:
                raise SystemExit(f"no weights were written: {made.missing}")
            measured = turns.measure(
                dict.fromkeys(_PROGRAMS, tuple(_WAYS.value)),
                flags=[flag],
                rounds=_ROUNDS.value,
            )
        for way in _WAYS.value:
            _show(measured, way=way)


def _show(measured: turns.Measured, *, way: str) -> None:
    """Prints the table of one way of working."""
    table = tables.Table(
        title=way,
        rows=[row for row in measured.rows if row.name.endswith(f", {way}")],
        unit="texts",
        beside=(f"transformers, {way}",),
        missing=measured.missing,
    )
    tables.show(table)


# -- the workers ----------------------------------------------------------------------


def _write_weights() -> None:
    """Both sides of one BERT, as both programs read them."""
    from runtime.checkpoints import checkpoints
    from tf_bert.formats.convert import Conversion, convert
    from tf_bert.formats.names import WeightsFormat

    folder = _FOLDER.value
    made, (config, tokenizer), _ = _engine(_CHECKPOINT.value)
    checkpoints.save(
        f"{folder}-native/checkpoints",
        step=0,
        weights=made.state().weights,
        slots={},
        state={
            "encoder_decoder_config": config.to_dict(),
            "special_ids": tokenizer.special.known(),
        },
    )
    convert(
        Conversion(
            input=f"{folder}-native", output=folder, to=WeightsFormat.HUGGING_FACE
        )
    )


def _engine(checkpoint: str) -> tuple[Any, tuple[Any, Any], Callable[[Any], Any]]:
    """An engine with the weights of a checkpoint, sizes and tokenizer; and a setter."""
    from processors.tokenization import create as tokenizers
    from processors.tokenization.settings import TokenizerSettings
    from runtime.devices.placement import Accelerator, Backend, place
    from runtime.engine import engine
    from runtime.engine.optimizer_settings import OptimizerName, OptimizerSettings
    from tf_bert.formats import bundled
    from tf_bert.seq2seq import start as starts

    opened = starts.open_start(init_checkpoint=checkpoint)
    config = starts.find_config(opened, bert_config_file=None, model_file=None)
    folder = bundled.resolve(_CHECKPOINT.value)
    tokenizer = tokenizers.create(TokenizerSettings(tokenizer_dir=folder))
    placement = place(Accelerator.CPU, backend=Backend(_BACKEND.value))
    from tf_bert.seq2seq.modeling import build_encoder_decoder
    from tf_bert.seq2seq.objective import Seq2SeqObjective
    from tf_bert.seq2seq.search import Search
    from tf_bert.seq2seq.search_settings import SearchSettings

    def make(beams: int) -> Any:
        special = tokenizer.special
        settings = SearchSettings(
            num_beams=beams,
            max_target_length=_TOKENS.value,
            min_target_length=_TOKENS.value,
        )
        search = Search(
            settings, cls_id=special.cls, sep_id=special.sep, pad_id=special.pad
        )
        made = engine.create(
            placement,
            build_model=lambda: build_encoder_decoder(config, dtype="float32"),
            objective=Seq2SeqObjective(search=search),
            optimizer=OptimizerSettings(
                name=OptimizerName.ADAMW, learning_rate=1e-5, num_train_steps=1000
            ),
            seed=0,
        )
        starts.initialise(opened, made)
        return made

    return make(1), (config, tokenizer), make


def _encoded(tokenizer: Any, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids and mask of sources `[texts, longest]`, and ids of targets."""
    special, (sources, targets) = tokenizer.special, _pairs(count)
    rows = [
        [special.cls, *ids[: _SOURCE.value - 2], special.sep]
        for ids in tokenizer.encode_batch(sources)
    ]
    longest = max(map(len, rows))
    ids = np.full((count, longest), special.pad, np.int32)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = row
    mask = (np.arange(longest) < np.array([len(row) for row in rows])[:, None]) * 1
    labels = np.full((count, _TOKENS.value), -100, np.int32)
    for number, ids_of_title in enumerate(tokenizer.encode_batch(targets)):
        target = [*ids_of_title[: _TOKENS.value - 1], special.sep]
        labels[number, : len(target)] = target
    return ids, mask.astype(np.int32), labels


def _pairs(count: int) -> tuple[list[str], list[str]]:
    """So many sources and their targets."""
    from processors.tasks.livedoor_titles import LivedoorTitlesProcessor

    if _DATA.value is None:
        texts = shipped.paragraphs()[:count]
        return texts, [text.partition("。")[0] for text in texts]
    pairs = LivedoorTitlesProcessor().get_train_examples(_DATA.value)[:count]
    return [pair.text_a for pair in pairs], [pair.text_b or "" for pair in pairs]


def _this_toolkit() -> Callable[[str], turns.Turn]:
    greedy, (_, tokenizer), make = _engine(_FOLDER.value)
    made = {"greedy": greedy, "beam 4": make(4), "update": make(1)}

    def work(way: str) -> turns.Turn:
        engine = made[way]
        if way == "update":
            arrays = _update(*_encoded(tokenizer, _PAIRS.value), tokenizer=tokenizer)
            return turns.take(
                lambda: engine.train(arrays),
                count=_PAIRS.value,
                result=lambda report: tables.of_losses(report.losses),
            )
        ids, mask, _ = _encoded(tokenizer, _TEXTS.value)
        block = {name: each[None] for name, each in _sources(ids, mask).items()}
        return turns.take(
            lambda: engine.predict(block)["ids"][0, :, 0],
            count=_TEXTS.value,
            result=_digest,
        )

    return work


def _updates(slices: int) -> Callable[[str], turns.Turn]:
    """Updates of so many slices of 4 pairs each."""
    engine, (_, tokenizer), _ = _engine(_CHECKPOINT.value)
    encoded = _encoded(tokenizer, 4 * slices)
    parts = [
        _update(*(each[4 * n : 4 * n + 4] for each in encoded), tokenizer=tokenizer)
        for n in range(slices)
    ]
    most = max(part["target_ids"].shape[-1] for part in parts)
    arrays = {
        name: np.concatenate([_filled(part[name], most) for part in parts], axis=1)
        for name in parts[0]
    }
    arrays["target_weight"] /= slices

    def work(_: str) -> turns.Turn:
        turn = turns.take(lambda: engine.train(arrays), count=4 * slices)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return dataclasses.replace(turn, more={"peak MB": peak / 1024})

    return work


def _filled(values: np.ndarray, most: int) -> np.ndarray:
    """Targets up to so many; grids as they are."""
    if values.ndim > 4:
        return values
    return np.pad(values, [(0, 0)] * 3 + [(0, most - values.shape[-1])])


def _sources(ids: np.ndarray, mask: np.ndarray) -> dict[str, np.ndarray]:
    places = np.broadcast_to(np.arange(ids.shape[1], dtype=np.int32), ids.shape)
    return {"input_ids": ids, "position_ids": places * mask, "example_ids": mask}


def _update(
    ids: np.ndarray, mask: np.ndarray, labels: np.ndarray, *, tokenizer: Any
) -> dict[str, np.ndarray]:
    """The arrays of one update of one slice."""
    is_real = (labels >= 0).astype(np.int32)
    first = np.full_like(labels[:, :1], tokenizer.special.cls)
    places = np.arange(labels.shape[1], dtype=np.int32)
    positions = np.flatnonzero(is_real)
    arrays = {
        **_sources(ids, mask),
        "decoder_input_ids": np.hstack([first, labels[:, :-1]]) * is_real,
        "decoder_position_ids": places * is_real,
        "decoder_example_ids": is_real,
        "target_positions": positions.astype(np.int32),
        "target_ids": labels.ravel()[positions],
        "target_weight": np.full(len(positions), 1 / len(positions), np.float32),
    }
    return {name: value[None, None, None] for name, value in arrays.items()}


def _digest(ids: np.ndarray) -> str:
    return tables.of_ids(ids.tolist())


def _transformers() -> Callable[[str], turns.Turn]:
    import torch
    import transformers

    from processors.tokenization import create as tokenizers
    from processors.tokenization.settings import TokenizerSettings
    from tf_bert.formats import bundled

    torch.set_num_threads(machine.cores())
    tokenizer = tokenizers.create(
        TokenizerSettings(tokenizer_dir=bundled.resolve(_CHECKPOINT.value))
    )
    model = transformers.EncoderDecoderModel.from_pretrained(_FOLDER.value)
    trained = transformers.EncoderDecoderModel.from_pretrained(_FOLDER.value).train()
    optimizer = torch.optim.AdamW(trained.parameters(), lr=1e-5)

    def update() -> None:
        ids, mask, labels = map(torch.tensor, _encoded(tokenizer, _PAIRS.value))
        loss = trained(
            input_ids=ids.long(), attention_mask=mask, labels=labels.long()
        ).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    def work(way: str) -> turns.Turn:
        if way == "update":
            return turns.take(update, count=_PAIRS.value)
        ids, mask, _ = map(torch.tensor, _encoded(tokenizer, _TEXTS.value))

        @torch.no_grad()
        def search() -> np.ndarray:
            length = _TOKENS.value + 1  # [CLS] counts
            found = model.generate(
                ids.long(),
                attention_mask=mask,
                num_beams=4 if way == "beam 4" else 1,
                min_length=length - 1,
                max_length=length,
                do_sample=False,
            )
            return found.numpy()[:, 1:]

        return turns.take(search, count=_TEXTS.value, result=_digest)

    return work


if __name__ == "__main__":
    app.run(main)
