"""Lines of text for a screen: wrapped, cut aloud, without anything that a terminal would act on."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from hardencheck.report.escape import term

WIDTH = 110
NAMES = 3


def names(hosts: Sequence[str]) -> str:
    """Name the first few, with dots for the rest."""
    shown = ", ".join(term(host) for host in hosts[:NAMES])
    return f"{shown}, ..." if len(hosts) > NAMES else shown


def indented(message: str, columns: int, most: int | None = None) -> list[str]:
    """Wrap a message; beyond `most` lines it ends in dots, and `host show` has the rest."""
    margin = " " * columns
    return wrap(
        term(message), WIDTH, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False,
        max_lines=most, placeholder=" ...",
    )  # fmt: skip


def counted(number: int, noun: str) -> str:
    """Return `1 host` or `2 hosts`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
