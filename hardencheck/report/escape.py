r"""One escape function per sink: nothing that a host sent reaches a terminal or a spreadsheet raw.

Terminal: C0, DEL, C1, line and paragraph separators, zero-width and bidirectional controls become `\xNN` or `\uNNNN`
(CVE-2020-8445, CVE-2024-58251). CSV: a cell that a spreadsheet would evaluate gets an apostrophe (CWE-1236). Markdown:
what would become a link, emphasis or HTML gets a backslash.
"""

from __future__ import annotations

import re
import unicodedata

_UNSAFE_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_MARKUP = re.compile(r"[\\`*<>\[\]&]")


def term(value: object) -> str:
    """Return text that is safe to print: one line, no control, format, surrogate or unassigned characters."""
    text = str(value)
    if text.isprintable():
        return text
    return "".join(map(_visible, text))


def lines(value: object) -> str:
    """Return text that is safe to print, with the line breaks that it has: for what a baseline says, not for a host."""
    return "\n".join(map(term, str(value).strip().split("\n")))


def csv_cell(value: object) -> str:
    """Return a CSV cell that Excel and LibreOffice show as text, whatever it starts with."""
    text = term(value)
    return f"'{text}" if text.lstrip(" '\"").startswith(_FORMULA) else text


def markdown(value: object) -> str:
    """Return one line of Markdown that shows the text as it is: no link, no emphasis, no HTML, no entity."""
    return _MARKUP.sub(r"\\\g<0>", term(value))


def _visible(char: str) -> str:
    if unicodedata.category(char) not in _UNSAFE_CATEGORIES:
        return char
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
