r"""Makes text to pre-train on from Aozora Bunko's works.

    python scripts/make_aozora_corpus.py --archive=aozorabunko_text.tar \
        --authors=all --output_dir=runs/aozora_corpus

`train.txt` has no work of the dev and test split of the task `authors`, no passage of
their paragraphs, and not the story that recipes/merosu_mlm.flags trains on;
`heldout.txt` has the works of the dev split. A sentence is a line, a blank line ends a
work. For the archive see scripts/make_authors_data.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from processors.corpora import aozora, aozora_corpus
from processors.corpora.aozora_corpus import HeldOut, Whose
from processors.tasks.authors import AuthorsProcessor
from runtime import storage
from runtime.errors import SettingsError
from runtime.settings import missing, setting
from scripts import console, flag_definitions

_STORY = "走れメロス"


@dataclasses.dataclass(frozen=True, kw_only=True)
class AozoraCorpusSettings:
    """What the text is made of.

    Raises:
        SettingsError: One sentence for each flag that is missing.
    """

    archive: str | None = setting(
        None, path=True, help="The tar archive of Aozora's text files."
    )
    output_dir: str | None = setting(
        None, path=True, help="Where train.txt and heldout.txt go."
    )

    authors: Whose = setting(
        Whose.SIX,
        help="Whose works: the six of the task authors, or all in which nobody holds "
        "rights.",
    )

    def __post_init__(self) -> None:
        if problems := list(missing(self, "archive", "output_dir")):
            raise SettingsError(*problems)


def write(path: str, documents: Iterable[list[str]]) -> None:
    """Writes documents, and says how many."""
    texts = ["\n".join(sentences) + "\n" for sentences in documents]
    storage.write_text(path, "\n".join(texts))
    print(f"{path}: {len(texts)} works, {sum(map(len, texts))} characters")


def main(argv: Sequence[str]) -> None:
    """Reads the archive and writes both texts."""
    del argv
    settings = flag_definitions.values(AozoraCorpusSettings)
    folder = str(settings.output_dir)
    works = list(aozora.read_works(str(settings.archive)))
    task = AuthorsProcessor()
    splits = {
        "dev": task.get_dev_examples(task.default_data_dir),
        "test": task.get_test_examples(task.default_data_dir),
    }
    numbers = {
        split: {example.guid.split("-")[1] for example in examples}
        for split, examples in splits.items()
    }
    story = {work.id for work in works if work.title == _STORY}
    told = [text for w in works if w.id in story for _, text in w.readable_paragraphs()]
    seen = [example.text_a for each in splits.values() for example in each]
    held_out = HeldOut.of(
        works, numbers=numbers["dev"] | numbers["test"] | story, texts=[*seen, *told]
    )
    write(
        storage.join(folder, "train.txt"),
        aozora_corpus.documents(works, held_out=held_out, whose=settings.authors),
    )
    nothing = HeldOut(frozenset(), frozenset(), frozenset())
    dev = [work for work in works if work.id in numbers["dev"]]
    write(
        storage.join(folder, "heldout.txt"),
        aozora_corpus.documents(dev, held_out=nothing),
    )


if __name__ == "__main__":
    flag_definitions.define(AozoraCorpusSettings)
    console.run(main)
