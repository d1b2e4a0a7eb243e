"""Whom polkit(8) takes for an administrator: whoever is one runs any program as root (pkexec, systemctl, run0).

The rules are JavaScript. Read are functions given to addAdminRule, of which the first that returns something wins, in
the order of the files' names, and functions given to addRule that grant the action of pkexec, or the management of
units, without a password. Older polkit has AdminIdentities in localauthority.conf.d, of which the last file wins.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

#: Arguments of `files`: all that polkit reads.
PATHS = (
    "/etc/polkit-1/rules.d/*.rules /run/polkit-1/rules.d/*.rules /usr/local/share/polkit-1/rules.d/*.rules "
    "/usr/share/polkit-1/rules.d/*.rules /etc/polkit-1/localauthority.conf.d/*.conf"
)
_IDENTITY = re.compile(r"""["']unix-(user|group|netgroup):([^"']+)["']""")
_KINDS = {"user": "", "group": "%", "netgroup": "+"}
_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'])//[^\n]*", re.DOTALL)
_GROUP = re.compile(r"""isInGroup\(\s*["']([^"']+)["']""")
_USER = re.compile(r"""subject\.user\s*={2,3}\s*["']([^"']+)["']""")
_PKEXEC, _UNITS = "org.freedesktop.policykit.exec", "org.freedesktop.systemd1.manage-unit"
#: Names of actions, whole or their beginning: they have dots.
_LITERAL = re.compile(r"""["'](\w+\.[\w.-]*)["']""")


def administrators(files: Mapping[str, str]) -> dict[str, str]:
    """Return those whom these files make administrators, as sudoers would write them, with the file that does so."""
    found = {name: path for path, name in _legacy(files)}
    decided = False
    for path in sorted((path for path in files if path.endswith(".rules")), key=posixpath.basename):
        text = _COMMENT.sub("", files[path])
        for body in _bodies(text, "addAdminRule"):
            names = [_KINDS[kind] + name for kind, name in _IDENTITY.findall(body)]
            found |= {} if decided else dict.fromkeys(names, path)
            # without a condition, later functions are not asked
            decided |= bool(names) and not re.search(r"\bif\b|\?|\bswitch\b", body)
        for body in _bodies(text, "addRule"):
            found |= dict.fromkeys(_granted(body), path)
    return {name: path for name, path in found.items() if name not in ("root", "#0", "0")}


def _granted(body: str) -> Iterator[str]:
    """Yield whom a rule lets run anything as root; `ALL` when it asks for no user and no group."""
    if not re.search(r"""Result\.YES|["']yes["']""", body):
        return
    actions = _LITERAL.findall(body)
    narrow = actions and not any(_grants(action) for action in actions)
    one_unit = "manage-unit" in body and re.search(r"""lookup\(\s*["']unit["']""", body) and _PKEXEC not in body
    if narrow or one_unit:
        return
    yield from (f"%{group}" for group in _GROUP.findall(body))
    yield from _USER.findall(body)
    if "subject.user" not in body and "isInGroup" not in body:
        yield "ALL"


def _grants(action: str) -> bool:
    """Whether an action, or the beginning of actions' names, is as good as root."""
    return _PKEXEC.startswith(action) or _UNITS.startswith(action) or action.startswith(_UNITS)


def _bodies(text: str, function: str) -> Iterator[str]:
    """Yield what stands between the parentheses of each call of a function."""
    for call in re.finditer(rf"\b{function}\s*\(", text):
        depth, position = 1, call.end()
        while position < len(text) and depth:
            depth += {"(": 1, ")": -1}.get(text[position], 0)
            position += 1
        yield text[call.end() : position]


def _legacy(files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    last: list[tuple[str, str]] = []
    for path in sorted(path for path in files if "/localauthority.conf.d/" in path):
        for line in files[path].split("\n"):
            key, _, value = line.partition("=")
            if key.strip() == "AdminIdentities":
                words = [word.strip().partition(":") for word in value.split(";")]
                last = [
                    (path, _KINDS[kind.removeprefix("unix-")] + name)
                    for kind, _, name in words
                    if kind.removeprefix("unix-") in _KINDS
                ]
    yield from last
