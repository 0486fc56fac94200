"""The directive `flags`: the flags that settings classes define, with their help.

```{flags} processors.tokenization.trainer.TrainingSettings
```
"""

from __future__ import annotations

import dataclasses
import enum
import importlib
import typing
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from runtime.settings import flags_of


class Flags(SphinxDirective):
    """A definition list: a flag with its default, and what it means.

    Its arguments are settings classes, by their full names.
    """

    required_arguments = 1
    optional_arguments = 9

    def run(self) -> list[nodes.Node]:
        """Makes the list, in the order of the alphabet."""
        found = {}
        for name in self.arguments:
            settings = load(name)
            types = typing.get_type_hints(settings)
            for flag, field in flags_of(settings).items():
                found[flag] = _item(flag, field, kind=types[field.name])
        return [nodes.definition_list("", *(found[flag] for flag in sorted(found)))]


def load(name: str) -> type[Any]:
    """The class of a full name, as `package.module.Class`."""
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def _item(flag: str, field: dataclasses.Field[Any], *, kind: Any) -> nodes.Node:
    term = nodes.term("", "", nodes.literal(text=_spelling(flag, kind)))
    if (default := _default(field.default)) is not None:
        term += [nodes.Text(" by default "), nodes.literal(text=default)]
    meaning = nodes.paragraph(text=field.metadata["help"])
    return nodes.definition_list_item("", term, nodes.definition("", meaning))


def _spelling(flag: str, kind: Any) -> str:
    kinds = [kind, *typing.get_args(kind)]
    if bool in kinds:
        return f"--[no]{flag}"
    enums = [k for k in kinds if isinstance(k, type) and issubclass(k, enum.Enum)]
    choices = "|".join(str(member.value) for each in enums for member in each)
    return f"--{flag}={choices}" if choices else f"--{flag}"


def _default(value: Any) -> str | None:
    """As a command line would say it; None where there is none."""
    if value is None or value == ():
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value.value if isinstance(value, enum.Enum) else value)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("flags", Flags)
    return {"parallel_read_safe": True}
