"""How the SSH server treats root, in every context that its configuration knows.

Reads: `sshd -T` (the global settings as sshd itself sees them), /etc/ssh/sshd_config and /etc/ssh/sshd_config.d (every
Match block, which `sshd -T` does not show), the command lines of running servers.
Needs: root.
Facts: root_login, every value of PermitRootLogin that some connection of root can meet (yes, no, prohibit-password,
forced-commands-only), sorted.
Absent when: another SSH server (dropbear) runs, sshd was started with another file, or sshd refuses its configuration.
No SSH server at all: not applicable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, Probe
from hardencheck.probes.linux.sshd_config import MAIN, Setting, may_match_user, settings
from hardencheck.probes.output import Output, read

SCRIPT = r"""
run effective sshd -T
servers() {
  cat /proc/[0-9]*/comm 2>/dev/null | grep -E '^(sshd|dropbear|tinysshd|lsh)' | sort -u
}
run servers servers
command_lines() {
  for process in /proc/[0-9]*; do
    read -r name <"$process/comm" || continue
    [ "$name" = sshd ] && tr '\000' ' ' <"$process/cmdline" && echo
  done 2>/dev/null | grep -vE '^sshd: ([^/]|$)' | sed 's/ \[listener\].*//' | sort -u
}
run command_lines command_lines
run binaries sh -c 'command -v sshd dropbear'
files /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf
"""
FACTS = {
    "root_login": {
        "type": "array",
        "items": {"enum": ["yes", "no", "prohibit-password", "forced-commands-only"]},
    }
}
KEYWORD = "permitrootlogin"
#: since OpenSSH 7.0
DEFAULT = "prohibit-password"
_SPELLINGS = {"without-password": "prohibit-password"}
_OTHER_FILE = re.compile(r"\s-f\s*(\S+)")
_OPTION = re.compile(r"\s-o\s*permitrootlogin[=\s]+(\S+)", re.IGNORECASE)


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what root can meet: the global value, and the value of every Match block that may hold for root.

    sshd_config(5): the first value of a keyword wins; a matching block overrides the global section, and of several
    matching blocks the first one that sets the keyword wins.
    """
    output = read(capture)
    servers = set(output.run("servers").lines)
    if output.run("effective").missing and not servers and not output.run("binaries").text.strip():
        return Observation.not_applicable("no SSH server is installed or running")
    others = sorted(servers - {name for name in servers if name.startswith("sshd")})
    if others:
        return Observation.not_collected(f"another SSH server runs, whose settings are not read: {', '.join(others)}")
    if why := _started_elsewhere(output):
        return Observation.not_collected(why)
    if MAIN not in output.files:
        return Observation.not_collected(f"{MAIN} cannot be read")
    given = [found for found in settings(output.files) if found.keyword == KEYWORD]
    option = _OPTION.search(output.run("command_lines").text)
    found = [Setting(KEYWORD, option[1], "", "the command line of sshd"), *given] if option else given
    values = _values(found)
    if why := _disagreement(output, values, by_option=bool(option)):
        return Observation.not_collected(why)
    return Observation.of({"root_login": sorted(set(values.values()))}, {"root_login": _where(values, found)})


def _values(found: list[Setting]) -> Mapping[str, str]:
    """Map each context (the empty one is global) to the value that root meets there."""
    values: dict[str, str] = {}
    for setting in found:
        value = _plain(setting)
        if setting.match and not may_match_user(setting.match, "root"):
            continue
        if setting.match.lower() == "all":  # it always matches: the global value and later blocks never win over it
            values[""] = value
            return values
        values.setdefault(setting.match, value)
    values.setdefault("", DEFAULT)
    return values


def _plain(setting: Setting) -> str:
    return _SPELLINGS.get(setting.value.lower(), setting.value.lower())


def _disagreement(output: Output, values: Mapping[str, str], *, by_option: bool) -> str:
    """Hold our reading of the global value against sshd's own; say why neither can be trusted, else nothing."""
    effective = output.run("effective")
    if effective.status != 0:
        harmless = "privilege separation directory" in effective.text
        return "" if harmless else "sshd -T does not accept the configuration (see the section's stderr)"
    said = dict(line.partition(" ")[::2] for line in effective.text.splitlines()).get(KEYWORD, "")
    said = _SPELLINGS.get(said, said)
    if not said:
        raise CaptureUnreadable(f"sshd -T says nothing of {KEYWORD}")
    if values[""] != said and not by_option:
        return f"sshd -T says {KEYWORD} {said}, but its files read as {values['']}"
    return ""


def _started_elsewhere(output: Output) -> str:
    other = _OTHER_FILE.search(output.run("command_lines").text)
    if other and other[1] != MAIN:
        return f"sshd runs with -f {other[1]}, which is not read"
    return ""


def _where(values: Mapping[str, str], found: list[Setting]) -> str:
    """Name the line behind each value, with its Match criteria."""
    places = []
    for match, value in values.items():
        where = next(
            (s.where for s in found if (s.match == match or s.match.lower() == "all") and _plain(s) == value),
            "the default of sshd",
        )
        places.append(f"{value}: {where}" + (f" in Match {match}" if match else ""))
    return "; ".join(places)


PROBE = Probe(
    id="linux.sshd",
    title="SSH server: what root can meet",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=15,
)
