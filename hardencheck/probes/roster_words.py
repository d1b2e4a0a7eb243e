"""What captures hold that can be somebody on HR's roster: the words that the parsers compare with logins and units."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture
from hardencheck.probes import output
from hardencheck.probes.linux.local_accounts import elsewhere

#: The probes whose parsers look into the roster.
READERS = frozenset(
    {"linux.account_activity", "linux.roster", "linux.roster_groups", "linux.roster_presence", "windows.roster"}
)
_TOKEN = re.compile(r"[\w.$-]+")
_FIELD = re.compile(r"[^\s:,@\"]+")
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|([\\"/bfnrt]))')


def tokens_of(captures: Iterable[Capture]) -> frozenset[str]:
    """Return every word that could be a login or a group to a parser that reads the roster, in lower case."""
    return frozenset(word for capture in captures if capture.probe_id in READERS for word in _words(capture))


def directory_in(captures: Iterable[Capture]) -> bool:
    """Whether a parser that reads the roster may see that accounts also come from a directory (LDAP, SSSD, NIS)."""
    return any(
        _elsewhere(capture)
        for capture in captures
        if capture.probe_id in READERS and capture.probe_id.startswith("linux.")
    )


def _words(capture: Capture) -> Iterator[str]:
    text = capture.stdout.decode("utf-8", "replace")
    for reading in {text, _ESCAPE.sub(_unescaped, text)}:
        # in lower case first: some characters become others that a login may have
        lower = reading.lower()
        yield from _TOKEN.findall(lower)
        yield from _FIELD.findall(lower)


def _unescaped(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else json.loads(f'"{escape[0]}"')


def _elsewhere(capture: Capture) -> bool:
    try:
        return bool(elsewhere(output.read(capture)))
    except CaptureUnreadable:
        return True
