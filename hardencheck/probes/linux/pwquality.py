"""What makes a new password good enough: the settings of pam_pwquality, pam_cracklib and pam_passwdqc.

libpwquality reads pwquality.conf.d/*.conf in ASCII order and pwquality.conf after them, the last line wins, and the
module's arguments win over every file; the first line that it cannot use ends all reading, of the later files too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from hardencheck.model.probe import System
from hardencheck.probes.linux.pam import Handler

PWQUALITY, CRACKLIB, PASSWDQC = "pam_pwquality", "pam_cracklib", "pam_passwdqc"
MODULES = (PWQUALITY, CRACKLIB, PASSWDQC)
CONF, CONF_D, PASSWDQC_CONF = "/etc/security/pwquality.conf", "/etc/security/pwquality.conf.d/", "/etc/passwdqc.conf"

_CREDITS = ("dcredit", "ucredit", "lcredit", "ocredit")
_NUMBERS = (
    "difok", "minlen", *_CREDITS, "minclass", "maxrepeat", "maxclassrepeat", "maxsequence", "gecoscheck", "dictcheck",
    "usercheck", "usersubstr", "enforcing", "retry",
)  # fmt: skip
_SWITCHES = ("enforce_for_root", "local_users_only")
_STRINGS = ("badwords", "dictpath")
#: What the distributions build in, and come with.
_DICTIONARIES = ("", "/var/cache/cracklib/cracklib_dict", "/usr/share/cracklib/pw_dict", "/usr/lib/cracklib_dict")
_LINE = re.compile(r"\s*([^\s=]+)\s*=?\s*(.*?)\s*\Z")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}\Z")
_LEADING = re.compile(r"\s*([+-]?[0-9]{1,18})")
#: The first releases with libpwquality 1.4, whose built-in values are 8 characters and no credits (before: 9 and 1).
_NEW_DEFAULTS = {
    "rhel": 8, "centos": 8, "ol": 8, "almalinux": 8, "rocky": 8, "amzn": 3, "debian": 10, "ubuntu": 18, "sles": 15,
    "sled": 15,
}  # fmt: skip
_PASSWDQC_CLASSES = (1, 2, 1, 3, 4)  # what N0 to N4 of its min= allow; N2 is for passphrases
_CRACKLIB_SHORTEST = 6  # cracklib itself refuses anything shorter


@dataclass(frozen=True, slots=True)
class Quality:
    """One line's demands on a new password.

    `length` is the shortest password that can pass, `classes` how many kinds of characters it must mix. `written` holds
    the values that a file or an argument gives, `sources` says where values were read; `note` explains a length
    that credits made smaller than `minlen`. `refusal` is the return code for a password that is not good enough.
    `own_dictionary` is where a dictionary of the site's own was named: what is in it cannot be told.
    """

    length: int
    dictionary: bool
    enforcing: bool
    for_root: bool
    refusal: str = "authtok_err"
    sources: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    classes: int = 0
    written: Mapping[str, int] = field(default_factory=dict)
    own_dictionary: str = ""


def quality(handler: Handler, files: Mapping[str, str], system: System) -> Quality | None:
    """Return the demands of a quality module's line; None when they are in a file that was not read."""
    if handler.module == PASSWDQC:
        return _passwdqc(handler, files)
    old = _old(system)
    values = {"minlen": 9 if old else 8, **dict.fromkeys(_CREDITS, int(old)), "dictcheck": 1, "enforcing": 1}
    sources: dict[str, str] = {}
    if handler.module == CRACKLIB:
        values.update(minlen=9, **dict.fromkeys(_CREDITS, 1))
    else:
        _read(values, sources, files, drop_ins=not old)
    smallest = 5 if handler.module == CRACKLIB else 6
    for arg in handler.args:
        name, _, value = arg.partition("=")
        if handler.module == PWQUALITY:
            _set(values, sources, (name, value), f"{handler.where}, argument {arg}")
        elif name == "dictpath" and value not in _DICTIONARIES:
            sources[name] = f"{handler.where}, argument {arg}"
        elif name in _NUMBERS and (found := _LEADING.match(value)):
            values[name] = max(int(found[1]), smallest) if name == "minlen" else int(found[1])
            sources[name] = f"{handler.where}, argument {arg}"
        elif name in _SWITCHES:
            values[name] = 1
    length, note = _shortest(values)
    own_dictionary = sources.pop("dictpath", "")
    return Quality(
        length=length,
        dictionary=bool(values["dictcheck"]) or handler.module == CRACKLIB,
        enforcing=bool(values["enforcing"]) or handler.module == CRACKLIB,
        for_root=bool(values.get("enforce_for_root")),
        refusal="maxtries" if values.get("retry", 1) > 1 else "authtok_err",
        sources=sources,
        note=note,
        classes=max(values.get("minclass", 0), sum(values[name] < 0 for name in _CREDITS)),
        written={name: values[name] for name in sources},
        own_dictionary=own_dictionary,
    )


def conf_paths(files: Mapping[str, str]) -> list[str]:
    """Return pwquality's files in the order in which they are read."""
    drop_ins = sorted(path for path in files if path.startswith(CONF_D) and path.endswith(".conf"))
    return [*drop_ins, *([CONF] if CONF in files else [])]


def _read(values: dict[str, int], sources: dict[str, str], files: Mapping[str, str], *, drop_ins: bool) -> None:
    for path in conf_paths(files):
        if path != CONF and not drop_ins:
            continue
        for number, line in enumerate(files[path].split("\n"), 1):
            if len(line.encode()) > 1022:
                return
            found = _LINE.match(line.partition("#")[0])
            if found and not _set(values, sources, (found[1], found[2]), f"{path}:{number}"):
                return


def _set(values: dict[str, int], sources: dict[str, str], pair: tuple[str, str], where: str) -> bool:
    """Take over one setting; False when libpwquality would stop here."""
    name, value = pair[0].lower(), pair[1]
    if name in _SWITCHES:
        values[name] = 1  # whatever stands after it
    elif name in _NUMBERS:
        if not _INTEGER.match(value) or abs(int(value)) >= 2**31 - 1:
            return False
        values[name] = max(int(value), 6) if name == "minlen" else int(value)
        sources[name] = where
    elif name == "dictpath":
        sources.pop(name, None)
        if value not in _DICTIONARIES:
            sources[name] = where
    return name in (*_NUMBERS, *_SWITCHES, *_STRINGS)


def _shortest(values: Mapping[str, int]) -> tuple[int, str]:
    """Return the length of the shortest password that passes.

    A positive credit takes up to so many characters of its class off minlen, but only characters that are there. A
    negative credit demands so many characters of its class, and those take nothing off.
    """
    credit = sum(values[name] for name in _CREDITS if values[name] > 0)
    demanded = sum(-values[name] for name in _CREDITS if values[name] < 0)
    minlen = values["minlen"]
    floor = _CRACKLIB_SHORTEST if values["dictcheck"] else 0
    shortest = max(minlen - credit, (minlen + demanded + 1) // 2, demanded, floor)
    return shortest, f"minlen {minlen} less up to {credit} for credits" if shortest < minlen else ""


def _old(system: System) -> bool:
    major = system.version.partition(".")[0]
    first = _NEW_DEFAULTS.get(system.distribution)
    return first is not None and major.isdigit() and int(major) < first


def _passwdqc(handler: Handler, files: Mapping[str, str]) -> Quality | None:
    """Read pam_passwdqc(8): min=N0,N1,N2,N3,N4 for passwords of one to four classes and passphrases (N2)."""
    pairs: list[tuple[str, str]] = []
    for arg in handler.args:
        if arg.startswith("config="):
            path = arg.removeprefix("config=")
            if path not in files:
                return None
            lines = enumerate(files[path].split("\n"), 1)
            pairs += [(line.strip(), f"{path}:{number}") for number, line in lines if not line.startswith("#")]
        else:
            pairs.append((arg, f"{handler.where}, argument {arg}"))
    settings = {"min": "disabled,24,11,8,7", "enforce": "everyone", "passphrase": "3"}
    sources: dict[str, str] = {}
    for text, origin in pairs:
        name, found, value = text.partition("=")
        if found:
            settings[name], sources[name] = value, origin
    classes = settings["min"].split(",")
    if settings["passphrase"].strip("0") == "" and len(classes) == 5:
        classes[2] = "disabled"
    lengths = [int(word) for word in classes if _INTEGER.match(word)]
    if len(classes) != 5 or not lengths:
        return None
    enforcing = settings["enforce"] != "none"
    where = {"minlen": sources.get("min", f"{handler.where}, built-in min={settings['min']}")}
    kinds = min(count for count, word in zip(_PASSWDQC_CLASSES, classes, strict=True) if _INTEGER.match(word))
    return Quality(min(lengths), True, enforcing, settings["enforce"] == "everyone", sources=where, classes=kinds)
