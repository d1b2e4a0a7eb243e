"""Ansible talks to the screen through one object; while an inventory is read, hardencheck listens instead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible.utils.display import Display

from hardencheck.errors import InventoryError
from hardencheck.inventory import trouble

#: warnings after which hosts or variables are missing; they quote names of keys and groups, never values
_LOSSES = ("Skipping ", "duplicate dict key", "Found duplicate mapping key", "that is not a directory, skipping")


class Heard:
    """What Ansible warned about."""

    def __init__(self) -> None:
        self._sentences: dict[str, bool] = {}

    def add(self, sentence: object, *, by_ansible: bool = True) -> None:
        """Note one warning of Ansible, or of a script that it ran."""
        self._sentences[str(sentence)] = by_ansible

    def refuse_losses(self, where: str) -> None:
        """Raise `InventoryError` for a warning that says that Ansible left something out of the file `where`."""
        for sentence, by_ansible in self._sentences.items():
            if by_ansible and any(loss in sentence for loss in _LOSSES):
                raise InventoryError(
                    f"{where}: {trouble.printable(sentence)}",
                    hint="correct the file: going on would leave hosts or settings out",
                )

    def sentences(self) -> tuple[str, ...]:
        """Return the warnings without anything that they quote, as that may be a value."""
        return tuple(f"Ansible: {trouble.without_values(sentence)}" for sentence in self._sentences)


@contextmanager
def listening() -> Iterator[Heard]:
    """Collect Ansible's warnings, and what inventory scripts wrote to standard error, and keep the screen clean.

    Deprecations are dropped: they tell Ansible's users about the next Ansible.
    """
    heard = Heard()

    def hear(msg: object = "", *_: Any, **__: Any) -> None:
        heard.add(msg)

    def hear_script(msg: object = "", *_: Any, **__: Any) -> None:
        heard.add(msg, by_ansible=False)

    def ignore(*_: Any, **__: Any) -> None:
        """Say nothing."""

    display = Display()
    methods = {
        "warning": hear,
        "error": hear_script,
        "deprecated": ignore,
        "error_as_warning": ignore,
        "display": ignore,
    }
    for name, method in methods.items():
        setattr(display, name, method)
    try:
        yield heard
    finally:
        for name in methods:
            delattr(display, name)
