"""An HTML page as a strict reader sees it: elements, tables by their caption, text; nothing is guessed or repaired."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "br", "rect"}


@dataclass
class Table:
    """A table: its column heads, and each row as its cells."""

    caption: str = ""
    heads: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)

    def column(self, name: str) -> list[str]:
        """Return the cells of one column, rows of the whole width left out."""
        place = self.heads.index(name)
        return [row[place] for row in self.rows if len(row) == len(self.heads)]


class Page(HTMLParser):
    """A parsed page; an element that is not closed in its order is an error."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.texts: dict[str, str] = {}
        self.tables: list[Table] = []
        self.style = ""
        self.others: list[str] = []
        self._open: list[str] = []
        self._sections: list[str] = [""]
        self._cell: list[str] | None = None
        self.feed(text)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    @property
    def text(self) -> str:
        """All that the page says, the style sheet left out."""
        return " ".join(self.texts.values())

    def table(self, caption: str) -> Table:
        """Return the table with this caption."""
        return next(table for table in self.tables if caption in table.caption)

    def attributes(self, name: str) -> list[str]:
        """Return the values of an attribute wherever it stands."""
        return [value or "" for _, pairs in self.elements for key, value in pairs if key == name]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(attrs)))
        if tag not in _VOID:
            self._open.append(tag)
        if tag == "section":
            self._sections.append(dict(attrs)["id"] or "")
        if tag == "table":
            self.tables.append(Table())
        if tag == "tr" and "thead" not in self._open:
            self.tables[-1].rows.append([])
        if tag in ("th", "td", "caption"):
            self._cell = []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes nothing at {self.getpos()}"
        if tag == "section":
            self._sections.pop()
        if tag not in ("th", "td", "caption") or self._cell is None:
            return
        said, self._cell = " ".join("".join(self._cell).split()), None
        if tag == "caption":
            self.tables[-1].caption = said
        elif "thead" in self._open:
            self.tables[-1].heads.append(said)
        else:
            self.tables[-1].rows[-1].append(said)

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            self.style += data
            return
        section = self._sections[-1]
        self.texts[section] = self.texts.get(section, "") + data
        if self._cell is not None:
            self._cell.append(data)

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def handle_decl(self, decl: str) -> None:
        self.others.append(decl)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)

    def unknown_decl(self, data: str) -> None:
        self.others.append(data)


def number(cell: str) -> int:
    """Return a count as it was before it was written for people."""
    return int(re.sub(r"[,]", "", cell))


def assert_inert(found: Page) -> None:
    """Assert that the page's policy allows its style sheet alone, and that nothing in it could do or load anything."""
    digest = base64.b64encode(hashlib.sha256(found.style.encode()).digest()).decode()
    policies = [
        dict(pairs)["content"] for tag, pairs in found.elements if tag == "meta" and "http-equiv" in dict(pairs)
    ]
    assert policies == [f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"]
    assert found.others == ["doctype html"]
    assert not {"script", "img", "link", "iframe", "object", "form", "base"} & {tag for tag, _ in found.elements}
    names = {key for _, pairs in found.elements for key, _ in pairs}
    assert not {key for key in names if key.startswith("on")} | names & {"style", "src", "srcset", "action", "data"}
    assert "url(" not in found.style
    assert "@import" not in found.style
