"""The grammar of login.defs(5), as its two readers take it: the shadow programs, and libpam's modules.

The shadow programs (useradd, chpasswd) read /etc/login.defs from top to bottom: the last line of a name wins, names are
case-sensitive, and a line without a value is passed over. Where they are built with libeconf (SUSE), the vendor's
/usr/etc/login.defs stands in for a missing file, and drop-ins of login.defs.d follow. libpam's modules take the first
line of a name in any case, `=` as well as blanks before its value, and a comment may follow
(pam_modutil_search_key). Sources: lib/getdef.c of shadow 4.6 to 4.15, libpam/pam_modutil_searchkey.c of Linux-PAM
1.3 to 1.6; what differs was measured on Debian 12.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hardencheck.probes.output import Output

MAIN, VENDOR = "/etc/login.defs", "/usr/etc/login.defs"
_DROP_INS = ("/usr/etc/login.defs.d/", "/etc/login.defs.d/")

#: Besides the files it tells whether useradd is there, and whether it reads vendor files and drop-ins (libeconf).
SCRIPT = r"""
shadow_programs() {
  p=$(command -v useradd) || return 1
  echo useradd
  tr '\000' '\n' <"$p" | grep -q libeconf
  echo "libeconf $?"
}
run shadow_programs shadow_programs
files /etc/login.defs /usr/etc/login.defs /etc/login.defs.d/*.defs /usr/etc/login.defs.d/*.defs
"""

_BLANK = " \t"
_SPACE = " \t\n\v\f\r"  # isspace(3) of the C locale
_INTEGER = re.compile(r"[+-]?(0[xX][0-9a-fA-F]{1,15}|[0-9]{1,18})\Z")
_CHUNK = 1023  # what fgets takes of a line at a time


@dataclass(frozen=True, slots=True)
class Setting:
    """The value of a name, None when no file has it, and where it was read; `problem` says why it cannot be told."""

    value: str | None
    where: str = ""
    problem: str = ""


def shadow_setting(output: Output, name: str) -> Setting:
    """Return what the shadow programs take for this name."""
    econf = output.run("shadow_programs").lines[1:2]
    extra = [path for path in (*output.files, *output.unreadable, *output.special) if _is_extra(path)]
    if econf not in ([], ["libeconf 0"], ["libeconf 1"]) and extra:
        return Setting(None, problem=f"whether useradd reads {extra[0]} cannot be told")
    paths = [MAIN] if econf != ["libeconf 0"] else [MAIN, *extra]
    blocked = [path for path in paths if path in output.unreadable or path in output.special]
    if blocked:
        return Setting(None, problem=f"{blocked[0]} cannot be read")
    if econf != ["libeconf 0"]:
        return _last(output.files, name, MAIN)
    return _merged(output.files, name)


def pam_setting(output: Output, name: str) -> Setting:
    """Return what pam_unix takes for this name; the vendor's file counts where the administrator's is missing.

    Where useradd has libeconf, libpam may have it too (since 1.4) and read drop-ins: that must come to the same.
    """
    found = _pam_file(output, name)
    if found.problem or output.run("shadow_programs").lines[1:2] != ["libeconf 0"]:
        return found
    merged = shadow_setting(output, name)
    if merged.problem or merged.value == found.value:
        return merged if merged.problem else found
    where = merged.where or found.where
    return Setting(None, problem=f"whether pam_unix reads {where} as useradd does cannot be told")


def _pam_file(output: Output, name: str) -> Setting:
    for path in (MAIN, VENDOR):
        if path in output.unreadable or path in output.special:
            return Setting(None, problem=f"{path} cannot be read")
        if path in output.files:
            return search_key(output.files[path], name, path)
    return Setting(None)


def search_key(text: str, name: str, path: str) -> Setting:
    """Return the first line of this name as pam_modutil_search_key(3) does."""
    for number, line in enumerate(text.split("\n"), 1):
        body = line.partition("#")[0].lstrip(_SPACE)
        key, *value = re.split(r"[ \t=]", body, maxsplit=1)
        if body and key.lower() == name.lower():
            return Setting("".join(value).lstrip(f"{_SPACE}="), f"{path}:{number}")
    return Setting(None)


def number(setting: Setting, default: int) -> int:
    """Return a setting as getdef_num does: octal after 0, hexadecimal after 0x, the default for what is no number."""
    text = (setting.value or "").lstrip()
    if not _INTEGER.match(text):
        return default
    digits = text.lstrip("+-")
    try:
        value = int(digits, 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10)
    except ValueError:  # an 8 or 9 after a leading 0
        return default
    value = -value if text[0] == "-" else value
    return value if -(2**31) <= value < 2**31 else default


def _is_extra(path: str) -> bool:
    return path == VENDOR or path.startswith(_DROP_INS)


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line number, name and value of every line that has both; longer lines are read in pieces."""
    for line_number, whole in enumerate(text.split("\n"), 1):
        for start in range(0, len(whole) or 1, _CHUNK):
            line = whole[start : start + _CHUNK].rstrip(_SPACE).lstrip(_BLANK)
            found = re.match(r"([^ \t#][^ \t]*)[ \t](.*)", line, re.DOTALL)
            if found:
                yield line_number, found[1], found[2].lstrip(' "\t').partition('"')[0]


def _last(files: Mapping[str, str], name: str, path: str) -> Setting:
    found = Setting(None)
    for line_number, key, value in _lines(files.get(path, "")):
        if key == name:
            found = Setting(value, f"{path}:{line_number}")
    return found


def _merged(files: Mapping[str, str], name: str) -> Setting:
    """Return what libeconf's merged files hold; where its versions differ in the order, that cannot be told."""
    drop_ins: dict[str, str] = {}
    for directory in _DROP_INS:  # of two drop-ins with one name the administrator's counts alone
        for path in files:
            if path.startswith(directory):
                drop_ins[path.removeprefix(directory)] = path
    main = MAIN if MAIN in files else VENDOR
    for path in (main, *drop_ins.values()):
        values = {value for _, key, value in _lines(files.get(path, "")) if key == name}
        if len(values) > 1:
            return Setting(None, problem=f"{path} sets {name} twice, and which line libeconf takes cannot be told")
    by_name = [drop_ins[key] for key in sorted(drop_ins)]
    by_directory = sorted(by_name, key=lambda path: (path.startswith("/etc"), path))
    ends = [_final(files, name, [main, *order]) for order in (by_name, by_directory)]
    if ends[0].value != ends[1].value:
        return Setting(None, problem=f"{ends[0].where} and {ends[1].where} disagree about {name}")
    return ends[0]


def _final(files: Mapping[str, str], name: str, paths: list[str]) -> Setting:
    found = Setting(None)
    for path in paths:
        own = _last(files, name, path)
        found = own if own.value is not None else found
    return found
