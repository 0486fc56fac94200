"""The tokenizer that the settings ask for."""

from __future__ import annotations

import functools

from processors.tokenization import hugging_face
from processors.tokenization.base import Tokenizer
from processors.tokenization.basic_words import has_ideograph
from processors.tokenization.character import CharacterTokenizer
from processors.tokenization.mecab import MecabTokenizer, Subwords
from processors.tokenization.sentence_piece import SentencePieceTokenizer
from processors.tokenization.settings import TokenizerKind, TokenizerSettings
from processors.tokenization.vocabulary import Vocabulary
from processors.tokenization.word_piece import WordPieceTokenizer
from runtime import storage
from runtime.errors import SettingsError

# Tokens in a hundred that WordPiece's own words can never be, by mistake or by chance.
# Those of the first and the third Tohoku BERT, which are MeCab words, have 41 and 31.
_TOLERATED_PERCENT = 2

# A smaller vocabulary may be a toy, of which a share says nothing.
_SMALLEST_JUDGED = 500


def create(settings: TokenizerSettings) -> Tokenizer:
    """Returns the tokenizer that the settings ask for.

    Args:
        settings: Kind, files and treatment of texts.

    Raises:
        SettingsError: They contradict each other, or the vocabulary is one of another
            kind.
        DataError: A file is not what it should be.
    """
    problems = list(settings.tokenizer_problems())
    if problems:
        raise SettingsError(*problems)
    tokenizer = _create(settings)
    tokenizer.help_by(functools.partial(_create, settings), workers=settings.workers)
    return tokenizer


def _create(settings: TokenizerSettings) -> Tokenizer:
    if settings.tokenizer_dir and settings.tokenizer is TokenizerKind.LIBRARY:
        return hugging_face.read_by_library(settings.tokenizer_dir)
    if settings.tokenizer_dir:
        return hugging_face.read(settings.tokenizer_dir, dictionary=settings.mecab_dic)
    if settings.model_file:
        return SentencePieceTokenizer(
            settings.model_file,
            vocab_file=settings.vocab_file,
            do_lower_case=_lowers_pieces(settings),
            byte_fallback=settings.byte_fallback,
        )
    return _of_vocabulary(settings, vocab_file=str(settings.vocab_file))


def _lowers_pieces(settings: TokenizerSettings) -> bool:
    """Whether texts are lower-cased before a SentencePiece model sees them.

    Raises:
        SettingsError: Something else was asked for than the model was made of.
    """
    model_file, asked = str(settings.model_file), settings.do_lower_case
    made_of = hugging_face.case_of_pieces(model_file)
    if made_of is not None and asked not in {None, made_of}:
        raise SettingsError(
            f"--{'' if asked else 'no'}do_lower_case: the {hugging_face.CONFIG} beside "
            f"{model_file} says do_lower_case {str(made_of).lower()}, of which its "
            "pieces were made. Leave the flag out."
        )
    return asked is not False if made_of is None else made_of


def _of_vocabulary(settings: TokenizerSettings, *, vocab_file: str) -> Tokenizer:
    kind = settings.tokenizer
    if kind is TokenizerKind.CHAR:
        return CharacterTokenizer(
            vocab_file, do_lower_case=bool(settings.do_lower_case)
        )
    if kind in {TokenizerKind.AUTO, TokenizerKind.WORDPIECE}:
        tokenizer = WordPieceTokenizer(
            vocab_file,
            do_lower_case=settings.do_lower_case is not False,
            keep_voicing_marks=settings.keep_voicing_marks,
        )
        if kind is TokenizerKind.AUTO:
            _refuse_other_kinds(tokenizer.vocabulary)
        return tokenizer
    is_char = kind is TokenizerKind.MECAB_CHAR
    return MecabTokenizer(
        vocab_file,
        dictionary=str(settings.mecab_dic),
        subwords=Subwords.CHARACTER if is_char else Subwords.WORDPIECE,
        do_lower_case=bool(settings.do_lower_case),
    )


def _refuse_other_kinds(vocabulary: Vocabulary) -> None:
    """Keeps a vocabulary of MeCab words or of characters from WordPiece's own words.

    Raises:
        SettingsError: It is visibly not made for them.
    """
    folder = storage.dirname(vocabulary.path)
    if hugging_face.is_mecab(folder):
        raise SettingsError(
            f"{vocabulary.path}: the {hugging_face.CONFIG} beside it says that its "
            "words come from a morphological analyser: give "
            f"--tokenizer_dir={folder or '.'} instead of --vocab_file. {_ANYWAY}"
        )
    if vocabulary.size < _SMALLEST_JUDGED:
        return
    words = sum(map(_is_unreachable, vocabulary.ids))
    if 100 * words > _TOLERATED_PERCENT * vocabulary.size:
        raise SettingsError(
            f"{vocabulary.path}: {words} of {vocabulary.size} tokens are words with "
            "ideographs, which WordPiece never finds, because it cuts around every "
            "ideograph. The vocabulary was made with MeCab, or another analyser: give "
            f"--tokenizer=mecab and --mecab_dic. {_ANYWAY}"
        )
    if all(map(_is_character_or_special, vocabulary.ids)):
        raise SettingsError(
            f"{vocabulary.path}: every token is one character, so that WordPiece knows "
            f"no longer word: give --tokenizer=char or mecab-char. {_ANYWAY}"
        )


_ANYWAY = "To split it as google-research/bert would, give --tokenizer=wordpiece."


def _is_character_or_special(token: str) -> bool:
    return len(token) <= 1 or (token.startswith("[") and token.endswith("]"))


def _is_unreachable(token: str) -> bool:
    text = token.removeprefix("##")
    return len(text) > 1 and has_ideograph(text)
