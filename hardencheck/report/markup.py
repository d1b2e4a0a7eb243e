"""XML put together from pieces that are escaped by their type: only `text` and `element` make an `Xml`.

Text that a host sent may hold what XML 1.0 has no way to say (control characters, halves of a character): such
characters are shown as their number, as they are on the screen. Line breaks stay.
"""

from __future__ import annotations

from typing import NewType

from hardencheck.report.escape import term

Xml = NewType("Xml", str)

DECLARATION = Xml('<?xml version="1.0" encoding="UTF-8"?>\n')


def text(value: object) -> Xml:
    """Return a value as the text of an element; lines stay lines."""
    return Xml("\n".join(map(_escaped, str(value).split("\n"))))


def element(tag: str, *inside: Xml, **attributes: object) -> Xml:
    """Return an element and a line break; an attribute that is None is left out. Attributes are one line of text."""
    told = "".join(f' {name}="{_quoted(value)}"' for name, value in attributes.items() if value is not None)
    content = "".join(inside)
    if not content:
        return Xml(f"<{tag}{told}/>\n")
    # an element inside an element starts on its own line; text must not gain a space
    start = "\n" if content.startswith("<") else ""
    return Xml(f"<{tag}{told}>{start}{content}</{tag}>\n")


def _escaped(line: str) -> str:
    return term(line).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _quoted(value: object) -> str:
    return _escaped(str(value)).replace('"', "&quot;")
