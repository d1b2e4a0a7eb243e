"""What counts failed passwords: the settings of pam_faillock and pam_tally2, each line of a stack with its own.

pam_faillock reads faillock.conf(5) first and its arguments after it; it starts from built-in values, so that a stack
with the right lines and an empty file locks too. Values that it cannot use are passed over, as it does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hardencheck.probes.linux.pam import Handler

FAILLOCK, TALLY2 = "pam_faillock", "pam_tally2"
#: The administrator's file and the vendor's (SUSE), which is read where the first is missing.
CONF_FILES = ("/etc/security/faillock.conf", "/usr/etc/security/faillock.conf")
_MAX_SECONDS = 604800  # MAX_TIME_INTERVAL: longer times are refused and the value before stays
_NUMBER = re.compile(r"\s*([+-]?[0-9]{1,18})")
_LINE = re.compile(r"\s*([^\s=]+)\s*=?\s*(.*?)\s*\Z")


@dataclass(frozen=True, slots=True)
class Counter:
    """One line's settings: how many wrong passwords it allows, for how long it refuses then, what it still counts.

    `action` is `preauth`, `authfail`, `authsucc` or `tally2`. `deny` 0 never refuses, `unlock` 0 refuses until an
    administrator resets. `interval` is the seconds within which failures count together; 0 of pam_tally2 means for
    ever. `book` is where failures are kept. `admins` is the group that is treated as root is, `root_too` whether root
    is refused, `root_unlock` root's own time (None: the same). `sources` says where each value was read; a built-in
    one is not there.
    """

    action: str
    deny: int
    unlock: int
    interval: int
    book: str
    admins: str = ""
    root_too: bool = False
    root_unlock: int | None = None
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def shortest_unlock(self) -> int:
        """The seconds of refusal for whoever gets off lightest: anybody, or the group that is treated as root is."""
        own = self.root_unlock if self.admins else None
        return self.unlock if not own else min(own, self.unlock or own)

    @property
    def spares_admins(self) -> bool:
        """Whether a group is never refused."""
        return bool(self.admins) and not self.root_too

    def refuses(self, failures: int, elapsed: int) -> bool:
        """Return whether this line refuses after so many failures and seconds since the last one."""
        if self.deny == 0 or (self.action != "tally2" and self.interval == 0):
            return False
        over = failures > self.deny if self.action == "tally2" else failures >= self.deny
        return over and (self.shortest_unlock == 0 or elapsed <= self.shortest_unlock)


def counter(handler: Handler, conf: tuple[str, str] | None) -> Counter | None:
    """Return the settings of a counting handler; `conf` is the path and text of faillock.conf, None when absent.

    None means that they cannot be told: another file is named by `conf=`.
    """
    if handler.module == TALLY2:
        return _arguments(Counter("tally2", 0, 0, 0, handler.option("file") or TALLY2), handler)
    if handler.option("conf") is not None:
        return None
    start = Counter("preauth", 3, 600, 900, "/var/run/faillock")
    if conf:
        path, text = conf
        for number, line in enumerate(text.split("\n"), 1):
            body = line.partition("#")[0]
            if len(line) < 1024 and (found := _LINE.match(body)):
                start = _set(start, found[1], found[2], f"{path}:{number}")
    return _arguments(start, handler)


def _arguments(start: Counter, handler: Handler) -> Counter:
    for arg in handler.args:
        name, _, value = arg.partition("=")
        if arg in ("preauth", "authfail", "authsucc") and handler.module == FAILLOCK:
            start = replace(start, action=arg)
        else:
            start = _set(start, name, value, f"{handler.where}, argument {arg}")
    return start


def _set(start: Counter, name: str, value: str, where: str) -> Counter:
    sources = {**start.sources, name: where}
    if name == "dir" and value.startswith("/"):
        return replace(start, book=value.rstrip("/"))
    if name == "even_deny_root":
        return replace(start, root_too=True)
    if name == "admin_group":
        return replace(start, admins=value, sources=sources)
    number = 0 if value == "never" and name.endswith("unlock_time") else _unsigned(value)
    if number is None:
        return start
    if name == "deny":
        return replace(start, deny=number & 0xFFFF, sources=sources)
    if name == "unlock_time" and (number <= _MAX_SECONDS or start.action == "tally2"):
        return replace(start, unlock=number, sources=sources)
    if name == "root_unlock_time" and number <= _MAX_SECONDS:
        return replace(start, root_unlock=number)
    if name == "fail_interval" and number <= _MAX_SECONDS:
        return replace(start, interval=number, sources=sources)
    return start


def _unsigned(value: str) -> int | None:
    """Read as sscanf's %u does: leading digits count, a negative number wraps round."""
    found = _NUMBER.match(value)
    return int(found[1]) & 0xFFFFFFFF if found else None
