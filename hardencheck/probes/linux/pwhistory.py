"""How many old passwords pam_pwhistory refuses: its arguments, and pwhistory.conf where the module knows that file.

The file came with Linux-PAM 1.5.3 (and updates of RHEL 8 and 9): an older module does not open it, whatever stands
there. The first line of a name wins in it, and the arguments win over the file. Ten are remembered unless told
otherwise. Sources: pam_pwhistory(8), modules/pam_pwhistory of Linux-PAM 1.3 to 1.6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hardencheck.probes.linux.login_defs import search_key
from hardencheck.probes.linux.pam import Handler
from hardencheck.probes.output import Output

PWHISTORY = "pam_pwhistory"
CONF, VENDOR_CONF = "/etc/security/pwhistory.conf", "/usr/etc/security/pwhistory.conf"
_BUILT_IN = 10
_MOST = 400
_KEEPS = ("/etc/", "/var/lib/")  # directories that no restart empties
_LEADING = re.compile(r"\s*([+-]?[0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class History:
    """How many old passwords a line refuses (0: none) and where that was read; `problem`: it cannot be told, why."""

    count: int
    where: str
    problem: str = ""


def history(handler: Handler, output: Output, knows_file: bool | None) -> History:
    """Return what a pam_pwhistory line remembers; `knows_file` is None when that could not be told."""
    if (file := handler.option("file")) and not file.startswith(_KEEPS):
        return History(0, handler.where, f"{handler.where} keeps old passwords in {file}, which may forget them")
    remember = [arg for arg in handler.args if arg.lower().startswith("remember=")]
    if remember:
        found = _LEADING.match(remember[-1][len("remember=") :])
        count = min(max(int(found[1]), 0), _MOST) if found else 0
        return History(count, f"{handler.where}, argument {remember[-1]}")
    built_in = History(_BUILT_IN, f"{handler.where}, built-in remember of pam_pwhistory")
    if knows_file is False:
        return built_in
    if handler.option("conf") is not None:
        return History(0, handler.where, f"{handler.where} reads a file of its own (conf=)")
    for path in (CONF, VENDOR_CONF):
        if path in output.unreadable or path in output.special:
            return History(0, path, f"{path} cannot be read")
        if path in output.files:
            if knows_file is None:
                return History(0, path, f"whether pam_pwhistory reads {path} cannot be told")
            return _from_file(output.files[path], path) or built_in
    return built_in


def _from_file(text: str, path: str) -> History | None:
    file = search_key(text, "file", path)
    if file.value and file.value.startswith("/") and not file.value.startswith(_KEEPS):
        return History(0, file.where, f"{file.where} keeps old passwords where they may be forgotten")
    setting = search_key(text, "remember", path)
    found = _LEADING.match(setting.value or "")
    if not found:
        return None  # no line, or a number that it complains about and passes over
    count = int(found[1])
    if not 0 <= count < 2**31:
        return History(0, setting.where, f"what {setting.where} sets remember to cannot be told")
    return History(count, setting.where)
