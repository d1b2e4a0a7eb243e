r"""Finds the names of other clients in what is handed to one of them, and takes them out.

A name is found as a whole word, in capitals or not, in UTF-8 and Latin-1 (in UTF-16, if it has Latin letters alone),
and in the spellings that programs give it on the way: `\u00fc` (JSON), `\xc3\xbc` (systemd), `\303\274` (mount tables),
`%C3%BC` (addresses), composed or not. Between the words of a client's or a unit's name may stand anything but letters
and digits, and nothing: `Claims UK` is `claims-uk` and `ClaimsUK`. An underscore ends a word, so `svc_globex` names
Globex; `globexpress` does not.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import re2

from hardencheck.evidence import texts
from hardencheck.evidence.ordinary import WORD, names_of_rules, parts, words
from hardencheck.model.codec import canonical, host_result_to_json
from hardencheck.model.sweep import HostResult
from hardencheck.model.wording import WITHHELD

#: Shorter names are looked for nowhere: they are in every text by chance.
SHORTEST = 3
#: Bytes for the automaton, which holds some thousand names.
_MEMORY = 256 * 1024 * 1024
_ESCAPED = r"\\+(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[0-7]{3})|%[0-9A-Fa-f]{2}"
#: What may stand before a name: the n of `\n` in JSON is no letter of a word.
_BEFORE = rf"(^|[^0-9A-Za-z]|\\[bfnrtv]|{_ESCAPED})"
_BETWEEN = rf"(?:[^0-9A-Za-z]|{_ESCAPED}|&amp;){{0,9}}"
_AFTER = r"($|[^0-9A-Za-z])"


@dataclass(frozen=True)
class Words:
    """Names that must not be found.

    `names` are those of clients and process units, `hosts` those of machines, which are spelled in one way alone.
    `unsearched` are names that are not looked for because the rules' own names contain them: they are in every pack.
    """

    names: frozenset[str]
    hosts: frozenset[str] = frozenset()
    unsearched: frozenset[str] = frozenset()

    @classmethod
    def of(cls, others: Iterable[HostResult], own: Iterable[HostResult]) -> Words:
        """Return the names of other clients' hosts that are not this client's, too.

        This client's are all words that its labels, groups and host names contain.
        """
        ours = {text for host in own for text in (host.host, *host.groups, *host.labels.values())}
        said = "".join(f"\n {' '.join(words(text))} " for text in {*ours, WITHHELD})
        found: list[set[str]] = [set(), set()]
        unsearched: set[str] = set()
        for host in others:
            found[0] |= {host.labels[label] for label in ("client", "process_unit") if label in host.labels}
            found[1].add(host.host)
        for names in found:
            for name in list(names):
                key = words(name)
                if sum(map(len, key)) < SHORTEST or f" {' '.join(key)} " in said:
                    names.remove(name)
                elif len(key) == 1 and key[0] in names_of_rules():
                    names.remove(name)
                    unsearched.add(name)
        return cls(frozenset(found[0]), frozenset(found[1]), frozenset(unsearched))

    def found_in(self, data: bytes) -> bool:
        """Whether any of the names is in these bytes."""
        pattern = self._in_bytes
        if pattern is None:
            return False
        return bool(pattern.search(data) or (b"\0" in data and pattern.search(data.replace(b"\0", b""))))

    def without(self, text: str) -> str:
        """Return a text with `[withheld]` in the place of each name."""
        pattern, data = self._in_text, text.encode("utf-8", "surrogatepass")
        if pattern is None or not pattern.search(data):
            return text
        while pattern.search(data):  # two names side by side share what stands between them
            data = pattern.sub(rb"\1" + WITHHELD.encode() + rb"\2", data)
        return data.decode("utf-8", "surrogatepass")

    def redacted(self, host: HostResult) -> HostResult:
        """Return a host's result without the names; the same object when it holds none."""
        pattern = self._in_text
        if pattern is None or not pattern.search(canonical(host_result_to_json(host))):
            return host
        return texts.changed(host, self.without)

    @cached_property
    def _in_bytes(self) -> Any:
        return self._compiled(latin=True)

    @cached_property
    def _in_text(self) -> Any:
        return self._compiled(latin=False)

    def _compiled(self, *, latin: bool) -> Any:
        """Compile one pattern over bytes for all names; None when there are none.

        `latin` finds Latin-1, too, which may be the half of a character in UTF-8.
        """
        found = {_spelled(name, latin) for name in self.hosts} | {_loosely(name, latin) for name in self.names}
        if not found:
            return None
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.max_mem = _MEMORY
        return re2.compile(f"{_BEFORE}(?:{'|'.join(sorted(found))}){_AFTER}".encode(), options)


def _loosely(name: str, latin: bool) -> str:
    """Return a pattern for a name whatever stands between its words; for one without a word to go by, as it is."""
    found, composed = parts(name), unicodedata.normalize("NFC", name)
    # two letters here and one there, with anything between, would be found everywhere; and in some scripts the marks
    # between letters are half of the word
    if max(map(len, found), default=0) < SHORTEST or not "".join(WORD.split(composed)).isascii():
        return _spelled(name, latin)
    return f"{_BETWEEN.join(_spelled(part, latin) for part in found)}|{_spelled(name, latin)}"


def _spelled(name: str, latin: bool) -> str:
    """Return a pattern over bytes for all spellings of a name."""
    written = dict.fromkeys((name.strip(), *(unicodedata.normalize(form, name.strip()) for form in ("NFC", "NFD"))))
    return f"(?:{'|'.join(''.join(_letter(letter, latin) for letter in each) for each in written)})"


def _letter(letter: str, latin: bool) -> str:
    if letter.isascii() and letter.isalnum():
        return f"[{letter.lower()}{letter.upper()}]" if letter.isalpha() else letter
    cases = {letter, letter.lower(), letter.upper(), letter.casefold()}
    forms = {unicodedata.normalize(form, case) for case in cases for form in ("NFC", "NFD")} | cases
    spellings = {"".join(written) for form in forms for written in zip(*map(_written, form), strict=True)}
    western = [case.encode("latin-1") for case in cases if max(case) < "\u0100"]
    # a parser shows bytes that are no UTF-8 as \xNN
    spellings |= {"".join(rf"\\+x{_digits(bytes([each]))}" for each in case) for case in western}
    if latin:
        spellings |= set(map(_bytes, western))
    return f"(?:{'|'.join(sorted(spellings))})"


def _written(letter: str) -> tuple[str, ...]:
    """Return patterns for one character: as it is, and escaped in each of the ways that programs have."""
    raw, units = letter.encode(), letter.encode("utf-16-be")
    if letter.isascii() and letter.isalnum():
        return (letter,) * 6
    return (
        _bytes(raw),
        r"\\+" + _bytes(raw) if letter.isascii() else _bytes(raw),
        "".join(rf"\\+u{_digits(units[at : at + 2])}" for at in range(0, len(units), 2)),
        "".join(rf"\\+x{_digits(bytes([each]))}" for each in raw),
        "".join(rf"\\+{each:03o}" for each in raw),
        "".join(f"%{_digits(bytes([each]))}" for each in raw),
    )


def _digits(data: bytes) -> str:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in data.hex())


def _bytes(data: bytes) -> str:
    return "".join(f"\\x{each:02x}" for each in data)
