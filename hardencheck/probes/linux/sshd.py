"""How the SSH server treats root, in every context that its configuration knows.

Reads: `sshd -T` (the global settings as sshd itself sees them), /etc/ssh/sshd_config, /etc/ssh/sshd_config.d and every
file that they include, wherever it is (for the Match blocks, which `sshd -T` does not show), the command lines of
running servers.
Needs: root.
Facts: root_login, every value of PermitRootLogin that some connection of root can meet (yes, no, prohibit-password,
forced-commands-only), sorted.
Absent when: another SSH server (dropbear, an sshd from /usr/local) runs, sshd was started with another file, or sshd
refuses its configuration.
No SSH server at all: not applicable.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, Probe
from hardencheck.probes.linux.sshd_config import MAIN, Setting, always_matches_user, may_match_user, settings
from hardencheck.probes.output import Output, read

SCRIPT = r"""
run effective sh -c 'sshd -T 2>&1'
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
includes() {
  sed -n 's/[[:space:]]#.*//
    s/^[[:space:]]*"\{0,1\}[Ii][Nn][Cc][Ll][Uu][Dd][Ee]"\{0,1\}[[:space:]=]\{1,\}//p' "$@" 2>/dev/null |
    tr -s ' \t\r"' '\n' | sed -n 's,^[^/],/etc/ssh/&,; /./p' | sort -u
}
set -- /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf
files "$@"
for depth in 1 2 3 4; do
  patterns=$(includes "$@")
  [ -n "$patterns" ] || break
  run "includes $depth" echo "$patterns"
  # shellcheck disable=SC2086 # split and expanded as sshd does
  set -- $patterns
  files "$@"
done
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
# options without an argument may stand before one with: `-Df FILE`
_OTHER_FILE = re.compile(r"\s-[46DGRTVdeiqrt]*(?:f|o\s*(?i:include)[=\s])\s*(\S+)")
_OPTION = re.compile(r"\s-[46DGRTVdeiqrt]*o\s*(?i:permitrootlogin)[=\s]+(\S+)")
_PROGRAM = re.compile(r"(?:sshd: )?(/\S+)")
#: What `sshd -T` ends with although it accepts the files: nothing listens yet; a Match of ports or local addresses.
_HARMLESS = ("privilege separation directory", "in connection test specification")
#: Directories of the distribution's sshd; one from elsewhere was built with another place for its files.
_DIRECTORIES = ("/usr/sbin/", "/sbin/", "/usr/bin/", "/usr/lib/", "/usr/libexec/")


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
    if output.unreadable:
        return Observation.not_collected(f"{min(output.unreadable)} cannot be read")
    followed = {line for label, run in output.runs.items() if label.startswith("includes ") for line in run.lines}
    given = [found for found in settings(output.files, followed) if found.keyword == KEYWORD]
    options = [_OPTION.search(line) for line in output.run("command_lines").lines] or [None]
    if why := _disagreement(output, given):
        return Observation.not_collected(why)
    met: dict[tuple[str, str], Setting] = {}
    for option in options:  # one per running server
        first = [Setting(KEYWORD, option[1], "", "the command line of sshd")] if option else []
        met |= {(setting.where, setting.match): setting for setting in _met([*first, *given])}
    return Observation.of({"root_login": sorted(set(map(_plain, met.values())))}, {"root_login": _where(met.values())})


def _met(found: Iterable[Setting]) -> list[Setting]:
    """Return the settings that root can meet at one server, one for each context (the global one too)."""
    met: dict[str, Setting] = {}
    for setting in found:
        if setting.match and not may_match_user(setting.match, "root"):
            continue
        if setting.match and always_matches_user(setting.match, "root"):
            # neither the global value nor a later block ever wins over it
            return [*(block for match, block in met.items() if match), setting]
        met.setdefault(setting.match, setting)
    met.setdefault("", Setting(KEYWORD, DEFAULT, "", "the default of sshd"))
    return list(met.values())


def _plain(setting: Setting) -> str:
    return _SPELLINGS.get(setting.value.lower(), setting.value.lower())


def _disagreement(output: Output, given: list[Setting]) -> str:
    """Hold our reading of the global value against sshd's own; say why neither can be trusted, else nothing."""
    effective = output.run("effective")
    if effective.status != 0:
        harmless = any(words in effective.text for words in _HARMLESS)
        return "" if harmless else "sshd -T does not accept the configuration"
    said = dict(line.partition(" ")[::2] for line in effective.text.splitlines()).get(KEYWORD, "")
    said = _SPELLINGS.get(said, said)
    if not said:
        raise CaptureUnreadable(f"sshd -T says nothing of {KEYWORD}")
    unconditional = [setting for setting in given if set(setting.match.lower().split()) == {"all"}]
    ours = next(map(_plain, unconditional or [setting for setting in given if not setting.match]), DEFAULT)
    if ours != said:
        return f"sshd -T says {KEYWORD} {said}, but its files read as {ours}"
    return ""


def _started_elsewhere(output: Output) -> str:
    for line in output.run("command_lines").lines:
        other = next((found[1] for found in _OTHER_FILE.finditer(line) if found[1] != MAIN), "")
        if other:
            return f"sshd runs with -f {other}, which is not read"
        program = _PROGRAM.match(line)
        if program and not program[1].startswith(_DIRECTORIES):
            return f"{program[1]} runs, whose files are not read"
    return ""


def _where(met: Iterable[Setting]) -> str:
    """Name the line behind each value, with its Match criteria."""
    return "; ".join(
        f"{_plain(setting)}: {setting.where}" + (f" in Match {setting.match}" if setting.match else "")
        for setting in met
    )


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
