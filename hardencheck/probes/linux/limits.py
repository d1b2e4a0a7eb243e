"""The hard limit on core files that pam_limits gives to login sessions (limits.conf(5), pam_limits.c).

limits.conf is read first, then limits.d/*.conf in the order of their names. A line for a user beats one for a group,
which beats `*`; of equals the last one wins. `*` and group lines do not bind root. `-` sets hard and soft limits. A
line `DOMAIN -` takes the domain out of all limits. A value that is no number (or unlimited, infinity, -1) is refused
and changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MAIN = "/etc/security/limits.conf"
DROPINS = "/etc/security/limits.d/"
#: where SUSE, and Linux-PAM since 1.5.3 when it is built so, keep the file that /etc overrides
VENDOR = "/usr/etc/security/limits.conf"

_VALUE = re.compile(r"-1|unlimited|infinity|\d+")


def core_offenders(files: Mapping[str, str]) -> tuple[list[str], str]:
    """Return who may write core files in a login session, with file and line, and where `*` is bound to 0 ("")."""
    bound: dict[str, tuple[str, str]] = {}
    main = MAIN if MAIN in files else VENDOR
    dropins = (path for path in files if path.startswith(DROPINS) and path.endswith(".conf"))
    for path in (main, *sorted(dropins, key=str.encode)):
        for number, line in enumerate(files.get(path, "").split("\n"), 1):
            words = line.partition("#")[0].split()
            where = f"{path}:{number}"
            if len(words) == 2 and words[1] == "-":
                bound[words[0]] = ("none at all", where)
            elif len(words) == 4 and words[1].lower() in ("hard", "-") and _core(words[2], words[3]):
                bound[words[0]] = (words[3], where)
    everyone = bound.pop("*", ("", ""))
    bound.pop("root", None)
    zero = everyone[0].isdigit() and not int(everyone[0])
    offenders = [f"* has {everyone[0]} ({everyone[1]})" if everyone[0] else "* has no hard limit"] * (not zero)
    offenders += [
        f"{domain} has {value} ({where})"
        for domain, (value, where) in sorted(bound.items())
        if not (value.isdigit() and not int(value))
    ]
    return [f"sessions: {text}" for text in offenders], everyone[1] if zero else ""


def _core(item: str, value: str) -> bool:
    return item.lower() == "core" and bool(_VALUE.fullmatch(value.lower()))
