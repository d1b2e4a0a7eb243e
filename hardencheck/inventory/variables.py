"""One host's variables as text, secrets, ports, yes or no: what may be a value, and what is wrong with others."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from hardencheck.inventory import ssh_arguments
from hardencheck.model.host import Secret

_TRUE = frozenset({"y", "yes", "on", "1", "true", "t"})
_FALSE = frozenset({"n", "no", "off", "0", "false", "f", ""})


class UnusableVariableError(Exception):
    """A variable forbids contacting the host; the message is the sentence for `Host.problem`."""


@dataclass(slots=True)
class Complaints:
    """Warnings that many hosts share, each told once."""

    _hosts: dict[str, list[str]] = field(default_factory=dict)

    def add(self, sentence: str, host: str) -> None:
        """Note one warning about one host."""
        self._hosts.setdefault(sentence, []).append(host)

    def sentences(self) -> tuple[str, ...]:
        """Return every warning with the first host it is about and the number of others."""
        return tuple(
            f"{sentence} (host {hosts[0]}{f' and {len(hosts) - 1} more' if len(hosts) > 1 else ''})"
            for sentence, hosts in self._hosts.items()
        )


@dataclass(frozen=True, slots=True)
class Variables:
    """One host's variables; `value` returns a resolved value, None if unset, and raises `UnusableVariableError`."""

    host: str
    value: Callable[[str], Any]
    complaints: Complaints

    def text(self, *names: str) -> str | None:
        """Return the last set one of `names` as text; an empty one counts as unset."""
        name, value = self._last(names)
        if value is None:
            return None
        if not is_scalar(value):
            raise UnusableVariableError(f"variable {name} is not text")
        text = str(value)
        if not is_printable(text):
            raise UnusableVariableError(f"variable {name} holds control characters")
        return text or None

    def secret(self, *names: str) -> Secret | None:
        """Return the last set one of `names` as a secret; its value is in no message."""
        name, value = self._last(names)
        if value is None:
            return None
        if not is_scalar(value):
            raise UnusableVariableError(f"variable {name} is not text")
        return Secret(str(value)) if str(value) else None

    def truth(self, name: str) -> bool:
        """Return a yes or no, spelt as Ansible allows; unset is no."""
        text = (self.text(name) or "").strip().lower()
        if text not in _TRUE | _FALSE:
            raise UnusableVariableError(f"variable {name} is {text!r}, expected yes or no")
        return text in _TRUE

    def port(self, *names: str) -> int | None:
        """Return a TCP port number."""
        text = self.text(*names)
        if text is not None and not ssh_arguments.is_port(text):
            raise UnusableVariableError(f"variable {names[0]} is {text!r}, expected a number from 1 to 65535")
        return None if text is None else int(text)

    def label(self, name: str) -> str | None:
        """Return one of hardencheck's own variables; another project's structure of that name is only warned about."""
        value = self.value(name)
        if value is not None and not is_scalar(value):
            self.complaints.add(f"variable {name} is not text and is left out", self.host)
            return None
        return self.text(name)

    def words(self, name: str) -> tuple[str, ...]:
        """Return a list of words, or the words of a text with commas; unset is none."""
        value = self.value(name)
        if isinstance(value, list | tuple):
            parts = list(value)
        else:
            parts = [value] if value is None or not is_scalar(value) else str(value).split(",")
        parts = [part for part in parts if part is not None]
        if not all(is_scalar(part) and is_printable(str(part)) for part in parts):
            raise UnusableVariableError(f"variable {name} is not a list of words")
        return tuple(word for part in parts if (word := str(part).strip()))

    def choice(self, name: str, allowed: Sequence[str]) -> str | None:
        """Return one of the allowed words in small letters; unset is None."""
        text = self.text(name)
        if text is not None and text.lower() not in allowed:
            raise UnusableVariableError(f"variable {name} is {text!r}, expected {' or '.join(allowed)}")
        return None if text is None else text.lower()

    def path(self, *names: str) -> str | None:
        """Return the path of a file or folder on this machine."""
        text = self.text(*names)
        return None if text is None else ssh_arguments.local_path(text)

    def _last(self, names: Sequence[str]) -> tuple[str, Any]:
        values = ((name, self.value(name)) for name in reversed(names))
        return next(((name, value) for name, value in values if value is not None), (names[0], None))


def is_printable(text: str) -> bool:
    """Say whether `text` is free of control, formatting and line separator characters."""
    return text.isprintable() or not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in text)


def is_scalar(value: object) -> bool:
    """Say whether a variable's value has one plain text form."""
    return not isinstance(value, Mapping | list | tuple | AbstractSet)
