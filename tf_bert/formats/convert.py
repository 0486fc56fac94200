"""Weights from one format to another, with all that was and was not carried over."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence

from runtime import storage
from runtime.errors import CheckpointError, SettingsError
from tf_bert.formats import (
    dialects,
    encoder_decoder,
    find,
    hugging_face,
    keras_hub,
    losses,
    native,
    sides,
    tensorflow1,
    tokenizer_files,
    variables,
    weights,
)
from tf_bert.formats.names import NameTable, WeightsFormat
from tf_bert.formats.source import Source
from tf_bert.formats.tokenizer_files import TokenizerFiles
from tf_bert.model.config import BertConfig
from tf_bert.model.encoder_decoder_config import EncoderDecoderConfig

_WRITERS: dict[WeightsFormat, Callable[..., None]] = {
    WeightsFormat.TF1: tensorflow1.write,
    WeightsFormat.HUGGING_FACE: hugging_face.write,
    WeightsFormat.NATIVE: native.write,
}
_KNOWN = NameTable(
    WeightsFormat.HUGGING_FACE
)  # it has a name for every variable there is
_POOLER = "bert/pooler/dense/kernel"
_MASKED_LM = "cls/predictions/"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Conversion:
    """What is to be converted.

    Attributes:
        input: The weights, as `--init_checkpoint` takes them.
        output: The folder to make.
        to: Its format.
        bert_config_file: The sizes, where nothing beside the weights says them.
        vocab_file: WordPiece vocabulary, where none lies beside the weights.
        do_lower_case: Of that vocabulary.
        allow_inexact: Whether the target's program may compute otherwise.
    """

    input: str
    output: str
    to: WeightsFormat
    bert_config_file: str | None = None
    vocab_file: str | None = None
    do_lower_case: bool | None = None
    allow_inexact: bool = False


@dataclasses.dataclass(frozen=True)
class Report:
    """What a conversion did.

    Attributes:
        title: From where to where.
        carried: Our name, shape and their name of each variable written.
        left_out: What the target has no place for, or the source does not have: names
            of variables, then what stands beside them.
        ignored: The source's steps and optimiser slots, which are no weights.
        notes: Sentences on what a user should know.
    """

    title: str
    carried: tuple[tuple[str, tuple[int, ...], str], ...]
    left_out: tuple[str, ...]
    ignored: tuple[str, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        """Returns a line for each variable, then what is not in the target."""
        rows = [f"  {name} {shape} -> {there}" for name, shape, there in self.carried]
        lines = [
            self.title,
            *rows,
            f"Written and read back equal: {len(self.carried)} variables",
            f"Not carried over: {', '.join(self.left_out) or 'none'}",
            f"Optimiser state and steps, not read: {len(self.ignored)}",
            *self.notes,
        ]
        return "\n".join(lines)


def convert(conversion: Conversion) -> Report:
    """Converts weights, their configuration and their tokenizer.

    The written folder is opened again and every variable compared, bit by bit.

    Args:
        conversion: What to convert.

    Returns:
        The report.

    Raises:
        SettingsError: The output is not empty, or a setting is missing or does not fit.
        CheckpointError: The input is damaged or incomplete, or the target's program
            would compute something else.
    """
    _refuse_full(conversion.output)
    source = find.open_any(conversion.input)
    if source.encoder_decoder is not None:
        return _convert_pair(conversion, source, config=source.encoder_decoder)
    config = _config(conversion, source)
    _check_whole(source, config=config)
    tokenizer = _tokenizer(conversion, source)
    vocabulary = tokenizer_files.vocabulary_of(tokenizer)
    special = {**source.special_ids, **tokenizer_files.special_ids_of(tokenizer)}
    notes = [
        *_inexactness(conversion, config),
        *_on_masked_lm(conversion, source),
        *losses.of_vocabulary(vocabulary, config=config, path=source.path),
        *losses.of_special_ids(source, special, vocabulary=vocabulary),
    ]
    names = _names(conversion, source)
    write = _writer(conversion.to, tokenizer)
    write(conversion.output, source, names=names, config=config, special=special)
    notes += tokenizer_files.write(conversion.output, tokenizer, to=conversion.to)
    _verify(source, names, folder=conversion.output)
    shapes = source.shapes()
    left_out = sorted(_weighty(source).keys() - set(names))
    left_out += losses.named(source, tokenizer, to=conversion.to, special=special)
    return Report(
        title=_title(conversion, source),
        carried=tuple((n, shapes[n], _there(n, conversion.to)) for n in names),
        left_out=tuple(left_out),
        ignored=tuple(filter(variables.NOT_WEIGHTS.fullmatch, shapes)),
        notes=tuple(notes),
    )


def _convert_pair(
    conversion: Conversion, source: Source, *, config: EncoderDecoderConfig
) -> Report:
    """Converts an encoder-decoder; see `convert`.

    Raises:
        CheckpointError: The target has no place for one, or variables are missing.
    """
    if conversion.to not in {WeightsFormat.NATIVE, WeightsFormat.HUGGING_FACE}:
        raise CheckpointError(
            f"{source.path} holds an encoder-decoder, for which "
            f"--to={conversion.to.value} has no place. Give --to=huggingface or "
            "--to=native."
        )
    weights.check_all(source, expected=sides.shapes_of(config))
    tokenizer = _tokenizer(conversion, source)
    vocabulary = tokenizer_files.vocabulary_of(tokenizer)
    special = {**source.special_ids, **tokenizer_files.special_ids_of(tokenizer)}
    notes = losses.of_vocabulary(vocabulary, config=config.encoder, path=source.path)
    notes += losses.of_special_ids(source, special, vocabulary=vocabulary)
    theirs = {name: encoder_decoder.there(name) for name in _weighty(source)}
    is_ours = conversion.to is WeightsFormat.NATIVE
    names = [name for name, place in theirs.items() if is_ours or place is not None]
    write = native.write if is_ours else encoder_decoder.write
    write(conversion.output, source, names=names, config=config, special=special)
    notes += tokenizer_files.write(conversion.output, tokenizer, to=conversion.to)
    _verify(source, names, folder=conversion.output)
    shapes = source.shapes()
    return Report(
        title=_title(conversion, source),
        carried=tuple(
            (n, shapes[n], place.name if place and not is_ours else n)
            for n, place in theirs.items()
            if n in names
        ),
        left_out=tuple(name for name in theirs if name not in names),
        ignored=tuple(filter(variables.NOT_WEIGHTS.fullmatch, shapes)),
        notes=tuple(notes),
    )


def _title(conversion: Conversion, source: Source) -> str:
    return (
        f"{source.kind.value} {source.path} -> {conversion.to.value} "
        f"{conversion.output}"
    )


def _refuse_full(folder: str) -> None:
    if storage.exists(folder) and (
        not storage.is_dir(folder) or storage.list_dir(folder)
    ):
        raise SettingsError(
            f"--output={folder} is there and not empty. Name a new folder."
        )


def _config(conversion: Conversion, source: Source) -> BertConfig:
    """The model's settings: the given ones, else those beside the weights.

    Raises:
        SettingsError: There are none, or both and they differ.
    """
    given = None
    if conversion.bert_config_file:
        given = BertConfig.from_json_file(conversion.bert_config_file)
    config = given or source.config
    if config is None:
        raise SettingsError(
            f"--bert_config_file is required: nothing beside {source.path} says the "
            "sizes of the model."
        )
    weights.refuse_other_config(config, source)
    return config


def _check_whole(source: Source, *, config: BertConfig) -> None:
    """Refuses an encoder with parts missing, and with parts that have no name here.

    Raises:
        CheckpointError: So it is.
    """
    weights.check(source, config=config, allow_partial=False)
    expected = variables.sized(config, source.shapes())
    strangers = [
        name
        for name in source.shapes()
        if name.startswith(("bert/", "bert.", "model/"))
        and name not in expected
        and not variables.NOT_WEIGHTS.fullmatch(name)
    ]
    if strangers:
        raise CheckpointError(
            f"{source.path}: the encoder has parts that a BERT of "
            f"{config.num_hidden_layers} layers does not have: "
            f"{', '.join(strangers[:5])}"
        )


def _tokenizer(conversion: Conversion, source: Source) -> TokenizerFiles:
    """The tokenizer's files: the given vocabulary, else what lies beside the weights.

    Raises:
        SettingsError: Its case is not known, or the weights had another vocabulary.
    """
    files = tokenizer_files.find(source.folder, source.kind)
    vocabulary = conversion.vocab_file or files.vocabulary
    trained_with = source.tokenizer
    if vocabulary is not None and trained_with:
        files = tokenizer_files.of_run(vocabulary, trained_with)
    elif vocabulary is not None and (conversion.vocab_file or files.config is None):
        files = tokenizer_files.given(
            vocabulary, do_lower_case=conversion.do_lower_case
        )
    tokenizer_files.refuse_unknown_case(files)
    return files


def _inexactness(conversion: Conversion, config: BertConfig) -> list[str]:
    """What the target's program does otherwise.

    Raises:
        CheckpointError: It is not allowed, and the target cannot say it.
    """
    if conversion.to is WeightsFormat.TF1:
        return dialects.not_in_google_bert(config)
    if conversion.to is not WeightsFormat.KERAS_HUB:
        return []
    found = dialects.not_in_keras_hub(config)
    if found and not conversion.allow_inexact:
        raise CheckpointError(
            "\n".join(found) + "\nOutputs would differ. Add --allow_inexact to convert "
            "the weights all the same."
        )
    return found


def _names(conversion: Conversion, source: Source) -> list[str]:
    """The names of what is carried over.

    Raises:
        CheckpointError: The target needs one that is not there.
    """
    to = conversion.to
    names = [n for n in _weighty(source) if _has_place(n, source=source, to=to)]
    if _on_masked_lm(conversion, source):
        names = [name for name in names if not name.startswith(_MASKED_LM)]
    if to is WeightsFormat.KERAS_HUB:
        if _POOLER not in names:
            raise CheckpointError(
                f"{source.path}: has no pooler, which KerasHub's BertBackbone needs"
            )
        task = keras_hub.task_of(names)
        names = [n for n in names if keras_hub.in_task(n, task)]
    return names


def _weighty(source: Source) -> dict[str, tuple[int, ...]]:
    """The variables without optimiser state, steps and what nothing has trained."""
    return {
        name: shape
        for name, shape in source.shapes().items()
        if name not in source.untrained and not variables.NOT_WEIGHTS.fullmatch(name)
    }


def _on_masked_lm(conversion: Conversion, source: Source) -> list[str]:
    """Says that a masked-LM head is left out, where it computes otherwise."""
    is_there = any(name.startswith(_MASKED_LM) for name in source.shapes())
    is_exact = WeightsFormat.KERAS_HUB not in {conversion.to, source.kind}
    if is_exact or not is_there or conversion.allow_inexact:
        return []
    return [dialects.MASKED_LM_OF_KERAS_HUB]


def _has_place(name: str, *, source: Source, to: WeightsFormat) -> bool:
    """Our own format and TensorFlow's take any name; the others what they know."""
    if to is WeightsFormat.KERAS_HUB:
        return keras_hub.knows(name)
    if to is WeightsFormat.HUGGING_FACE:
        return hugging_face.knows(name)
    return (
        source.kind in {WeightsFormat.TF1, WeightsFormat.NATIVE}
        or _KNOWN.theirs(name) is not None
    )


def _there(name: str, kind: WeightsFormat) -> str:
    if kind in {WeightsFormat.TF1, WeightsFormat.NATIVE}:
        return name
    there = NameTable(kind).theirs(name)
    return there.name if there else name


def _writer(to: WeightsFormat, tokenizer: TokenizerFiles) -> Callable[..., None]:
    if to is WeightsFormat.KERAS_HUB:  # whose tasks hold their tokenizer
        return functools.partial(
            keras_hub.write, tokenizer=tokenizer_files.keras_hub_tokenizer(tokenizer)
        )
    return _WRITERS[to]


def _verify(source: Source, names: Sequence[str], *, folder: str) -> None:
    written = find.open_any(folder)
    for name in _different(source, written, names):
        raise CheckpointError(
            f"{folder}: {name} reads back otherwise than it was written"
        )


def _different(source: Source, written: Source, names: Sequence[str]) -> Iterator[str]:
    held = written.shapes()
    for name in names:
        if name not in held or (
            source.read(name).tobytes() != written.read(name).tobytes()
        ):
            yield name
