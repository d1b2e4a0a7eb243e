r"""Other names for hosts and people, the same in everything that is made with one key.

A pseudonym is `host-` or `person-` and the beginning of an HMAC-SHA-256 over the name: without the key nobody can try
names. A person is the same one as `ana.cruz`, `CORP\Ana.Cruz` and `ana.cruz@bpo.example`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from hardencheck.errors import CredentialError
from hardencheck.evidence import keys, texts
from hardencheck.evidence.ordinary import words, words_of_rules
from hardencheck.model.roster import Roster
from hardencheck.model.sweep import HostResult
from hardencheck.probes.account_names import is_system

#: Bytes of a key.
LENGTH = 32
#: Shorter names are replaced only where they cannot be anything else.
SHORTEST = 3


_WORD = re.compile(r"[^\W_]+")
#: Whose folder it is, is somebody's name, known or not; in Windows it may have spaces.
_HOME = re.compile(r"(/home/|[/\\]Users[/\\])([^\W_][^/\\:*?\"<>|,;()\r\n]*(?=\\)|[^\W_][\w.@$+-]*)", re.I)
#: What stands before a login in the words of rules and hosts, whatever else the login may mean.
_LEADS = ("\\", "~", "user ", "account ", "user=", "/mail/", "/crontabs/", "/cron/", "/linger/")
_LABELS_OF_NOBODY = ("client",)


def read_key(path: Path, *, make: bool) -> bytes:
    """Return the 32 random bytes in a file that only its owner may read; with `make`, a file that is not there is made.

    Raises CredentialError.
    """
    if make and not path.exists():
        keys.write(path, secrets.token_bytes(LENGTH), 0o600)
    found = keys.private_content(path, "pseudonym key")
    if len(found) != LENGTH:
        raise CredentialError(
            f"pseudonym key {path}: it has {len(found)} bytes, expected {LENGTH}",
            hint="name a file that is not there, and export makes one",
        )
    return found


def people_on(roster: Roster) -> frozenset[str]:
    """Return the logins and employee ids of a roster."""
    return frozenset(name for person in roster.people for name in (person.login, person.employee_id))


class Pseudonyms:
    """Replaces names of hosts and people by pseudonyms.

    `hosts` are names as in the inventory, `people` logins, employee ids, and owners as they are labelled. Names of
    system accounts stay.
    """

    def __init__(self, key: bytes, hosts: Iterable[str], people: Iterable[str]) -> None:
        self._key = key
        self._names: dict[str, str] = {}
        self._edited: dict[str, str] = {}
        #: names by their first word, the longest first: the name, its pseudonym, whether it is an ordinary word, too
        self._index: dict[str, list[tuple[str, str, bool]]] = {}
        for name in people:
            if not is_system(_login(name)):
                for form in _forms(name):
                    self._know(form, self.person(name))
        short: dict[str, set[str]] = {}
        for name in hosts:
            self._know(name, self.host(name))
            short.setdefault(name.partition(".")[0], set()).add(name)
        for label, names in short.items():
            if len(names) == 1 and label not in names and not label.isdigit():
                self._know(label, self.host(*names))
        for known in self._index.values():
            known.sort(key=lambda each: -len(each[0]))

    @property
    def names(self) -> Mapping[str, str]:
        """The name behind each pseudonym that was given."""
        return dict(sorted(self._names.items()))

    def host(self, name: str) -> str:
        """Return the pseudonym of a host."""
        return self._made("host", name)

    def person(self, name: str) -> str:
        """Return the pseudonym of a person by one of the person's names."""
        return self._made("person", _login(name))

    def edit(self, text: str) -> str:
        """Return a text with every name in it replaced, as a whole word and whatever its capitals."""
        if text not in self._edited:
            self._edited[text] = self._replaced(_HOME.sub(self._home, text))
        return self._edited[text]

    def edited(self, host: HostResult) -> HostResult:
        """Return a host's result without names of hosts and people; the names of rules and facts stay."""
        made = texts.changed(host, self.edit)
        labels = {**made.labels, **{name: host.labels[name] for name in _LABELS_OF_NOBODY if name in host.labels}}
        if owner := host.labels.get("owner"):
            labels["owner"] = self.person(owner)
        return replace(made, host=self.host(host.host), labels=labels)

    def _made(self, kind: str, name: str) -> str:
        mac = hmac.digest(self._key, f"{kind}\0{name.casefold()}".encode(), hashlib.sha256)
        pseudonym = f"{kind}-{mac.hex()[:12]}"
        self._names.setdefault(pseudonym, name)
        return pseudonym

    def _know(self, name: str, pseudonym: str) -> None:
        folded = _folded(name)
        found = list(_WORD.finditer(folded))
        if found:
            known = folded[found[0].start() : found[-1].end()]
            ordinary = len(found) == 1 and (len(known) < SHORTEST or known.isdigit() or known in words_of_rules())
            self._index.setdefault(found[0][0], []).append((known, pseudonym, ordinary))

    def _replaced(self, text: str) -> str:
        folded, done, out = _folded(text), 0, []
        for word in _WORD.finditer(folded):
            start = word.start()
            if start < done or word[0] not in self._index:
                continue
            for name, pseudonym, ordinary in self._index[word[0]]:
                end = start + len(name)
                whole = folded.startswith(name, start) and not _WORD.match(folded, end)
                if whole and (not ordinary or _is_login(folded, start, end)):
                    out += [text[done:start], pseudonym]
                    done = end
                    break
        return "".join([*out, text[done:]])

    def _home(self, found: re.Match[str]) -> str:
        folder = _folded(found[2])
        for name, pseudonym, _ in self._index.get(words(folder)[0], ()):
            if name == folder:
                return found[1] + pseudonym
        # nobody is known by this name: a folder of the system's or for a purpose, else somebody's
        purpose = is_system(folder) or words_of_rules().issuperset(words(folder))
        return found[0] if purpose else found[1] + self.person(found[2])


def _forms(name: str) -> Iterator[str]:
    """Yield what a text may call a person by one of the person's names."""
    yield _login(name)
    said, bracket, _ = name.partition("<")
    if bracket:
        yield name
        yield said


def _login(name: str) -> str:
    r"""Return a person's name alone, out of `CORP\ana`, `ana@bpo.example` or `Ana Cruz <ana@bpo.example>`."""
    _, bracket, address = name.partition("<")
    _, _, name = (address.rstrip(" >") if bracket else name).strip().rpartition("\\")
    return name if " " in name else name.partition("@")[0] or name


def _is_login(text: str, start: int, end: int) -> bool:
    """Whether a word that is also an ordinary one is a login in this place."""
    if start == 0 and (end == len(text) or text.startswith((" (", ": "), end)):
        return True
    return text.startswith("@", end) or text[:start].endswith(_LEADS)


def _folded(text: str) -> str:
    """Return a text in lower case, as long as it was."""
    lower = text.lower()
    return (
        lower if len(lower) == len(text) else "".join(low if len(low := each.lower()) == 1 else each for each in text)
    )
