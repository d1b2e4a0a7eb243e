"""Whom polkit(8) takes for an administrator: whoever is one runs any program as root (pkexec, systemctl, run0).

The rules are JavaScript. Read are functions given to addAdminRule, of which the first that returns something wins, in
the order of the files' names, and functions given to addRule that grant the action of pkexec, or the management of
units, without a password. Older polkit has AdminIdentities in localauthority.conf.d, of which the last file wins, and
pklocalauthority(8): files *.pkla that grant actions to identities.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator, Mapping

#: Arguments of `files`: all that polkit reads.
PATHS = (
    "/etc/polkit-1/rules.d/*.rules /run/polkit-1/rules.d/*.rules /usr/local/share/polkit-1/rules.d/*.rules "
    "/usr/share/polkit-1/rules.d/*.rules /etc/polkit-1/localauthority.conf.d/*.conf "
    "/etc/polkit-1/localauthority/*/*.pkla /var/lib/polkit-1/localauthority/*/*.pkla"
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
    for path in sorted(path for path in files if path.endswith(".pkla")):
        found |= dict.fromkeys(_authority(files[path]), path)
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
    named = [*(f"%{group}" for group in _GROUP.findall(body)), *_USER.findall(body)]
    yield from named or ["ALL"]  # for everybody, or for names in a form that is not read here


def _grants(action: str) -> bool:
    """Whether an action, or the beginning of actions' names, is as good as root."""
    return _PKEXEC.startswith(action) or _UNITS.startswith(action) or action.startswith(_UNITS)


def _authority(text: str) -> Iterator[str]:
    """Yield whom the sections of a .pkla file let run anything as root without a password."""
    for section in re.split(r"(?m)^\s*\[.*$", text)[1:]:
        pairs = dict(re.findall(r"(?m)^\s*(\w+)\s*=\s*(.*?)\s*$", section))
        actions = [word.strip() for word in pairs.get("Action", "").split(";")]
        if not any(pairs.get(f"Result{kind}") == "yes" for kind in ("Any", "Inactive", "Active")):
            continue
        if any(fnmatch.fnmatchcase(name, action) for action in actions for name in (_PKEXEC, f"{_UNITS}s")):
            for word in pairs.get("Identity", "").split(";"):
                kind, _, name = word.strip().partition(":")
                if kind.removeprefix("unix-") in _KINDS:
                    yield "ALL" if name == "*" else _KINDS[kind.removeprefix("unix-")] + name


def _bodies(text: str, function: str) -> Iterator[str]:
    """Yield what stands between the parentheses of each call of a function; for a name in them, the whole text."""
    for call in re.finditer(rf"\b{function}\s*\(", text):
        depth, position = 1, call.end()
        while position < len(text) and depth:
            depth += {"(": 1, ")": -1}.get(text[position], 0)
            position += 1
        body = text[call.end() : position]
        yield text if re.fullmatch(r"\s*\w+\s*\)?", body) else body


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
