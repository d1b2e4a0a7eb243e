"""The SSH server of a host: how its configuration is collected, and whether what was read is what it runs with.

Several probes ask different keywords of it. A server inside a container is another host, and is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.probe import Question
from hardencheck.probes.linux.sshd_config import COLLECT, MAIN, Setting, settings
from hardencheck.probes.linux.sshd_contexts import DEFAULTS, global_value
from hardencheck.probes.output import PRELUDE, Output

#: What sshd makes of its files, as text.
EFFECTIVE = Question("sshd_effective", "sshd -T 2>&1", seconds=10)
VERSION = Question("sshd_version", 'sshd -V 2>&1 | grep -o "OpenSSH_[0-9.]*" | head -n 1', seconds=10)
#: Items: the servers that run, sshd's files, and those that a running server has not read since they changed.
FILES = Question(
    "sshd_files",
    PRELUDE
    + r"""
ours() { # ours /proc/PID: an SSH server that is not in a container
  { read -r name <"$1/comm"; } 2>/dev/null || return 1
  case $name in sshd* | dropbear* | tinysshd* | lsh*) ;; *) return 1 ;; esac
  # shellcheck disable=SC3013 # dash, bash and busybox ash compare files so, and by age
  [ ! -e "$1/ns/pid" ] || [ "$1/ns/pid" -ef /proc/self/ns/pid ]
}
command_line() { tr '\000' ' ' 2>/dev/null <"$1/cmdline" && echo; }
processes=
for process in /proc/[0-9]*; do ours "$process" && processes="$processes $process"; done
servers() {
  for process in $processes; do { read -r name <"$process/comm" && echo "$name"; } 2>/dev/null; done | sort -u
}
run servers servers
standing='' shown=''
for process in $processes; do
  { read -r name <"$process/comm"; } 2>/dev/null
  line=$(command_line "$process")
  case $name,$line in
    sshd,'sshd: /'* | sshd,/* | sshd,'sshd -'* | sshd,'sshd ') ;;
    *) continue ;;
  esac
  case "$line " in *' -i '*) ;; *) standing="$standing $process" ;; esac
  # shellcheck disable=SC3013
  [ ! -e "$process/root/" ] || [ "$process/root/" -ef / ] || line="chroot $line"
  shown="$shown$line
"
done
command_lines() { printf '%s' "$shown" | sed 's/ \[listener\].*//' | sort -u; }
run command_lines command_lines
run binaries sh -c 'command -v sshd dropbear'
changed() { # changed PATH...: those that a running server has not read since they changed
  for process in $standing; do
    pid=
    { read -r pid </run/sshd.pid; } 2>/dev/null
    if [ "/proc/$pid" = "$process" ]; then
      # shellcheck disable=SC3013
      for path do [ "$path" -nt /run/sshd.pid ] && echo "$path"; done
    else
      # clock ticks since boot; there are 100 a second on every Linux
      start=$(awk '$1 == "btime" { boot = $2 }
        FILENAME != "/proc/stat" { sub(/.*[)] /, ""); print int(boot + $20 / 100) }' /proc/stat "$process/stat")
      [ -n "$start" ] || return 2
      for path do
        [ ! -e "$path" ] || time=$(stat -L -c %Y "$path") || return 2
        [ ! -e "$path" ] || [ "$time" -le "$start" ] || echo "$path"
      done
    fi
  done
  return 0
}
number=0
config() {
  files "$@"
  number=$((number + 1))
  for path do
    path=${path%/*}
    # /etc/ssh itself also changes with keys and the client's files
    [ "$path" = /etc/ssh ] || [ ! -d "$path" ] || case " $* " in *" $path "*) ;; *) set -- "$@" "$path" ;; esac
  done
  run "changed $number" changed "$@"
}
"""
    + COLLECT
    + "read_later\n",
    max_bytes=120_000,
)
ASKS: dict[Question, tuple[str, ...]] = {EFFECTIVE: (), VERSION: (), FILES: ()}

SCRIPT = """
run effective answer sshd_effective
run version answer sshd_version
answer sshd_files
"""

_CHALLENGE, _INTERACTIVE = "challengeresponseauthentication", "kbdinteractiveauthentication"
_SPELLINGS = {"without-password": "prohibit-password", "true": "yes", "false": "no"}
# options without an argument may stand before one with: `-Df FILE`
_OTHER_FILE = re.compile(r"\s-[46DGQRTVdeiqrt]*(?:f|o\s*(?i:include)[=\s])\s*(\S+)")
_OPTION = re.compile(r"\s-[46DGQRTVdeiqrt]*o\s*([A-Za-z]+)[=\s]+(\S.*?)(?=\s+-|\s*$)")
_PROGRAM = re.compile(r"(?:sshd: )?(/\S+)")
#: What `sshd -T` ends with although it accepts the files: nothing listens yet; a Match of ports or local addresses.
_HARMLESS = ("privilege separation directory", "in connection test specification", "no hostkeys available")
#: Directories of the distribution's sshd; one from elsewhere was built with another place for its files.
_DIRECTORIES = ("/usr/sbin/", "/sbin/", "/usr/bin/", "/usr/lib/", "/usr/libexec/")
_MOST = 20


@dataclass(frozen=True, slots=True)
class Servers:
    """What the files of sshd say (`written`), and the settings in force at each running server.

    `settings` has one list per server, what its command line says first; one list too when none runs.
    """

    written: Sequence[Setting]
    settings: Sequence[Sequence[Setting]]


def absent(output: Output) -> bool:
    """Whether there is no SSH server at all, neither installed nor running."""
    binaries, servers = output.run("binaries"), output.run("servers")
    return output.run("effective").missing and not servers.text.strip() and not binaries.text.strip()


def servers(output: Output, keywords: Iterable[str]) -> Servers | str:
    """Return the settings of the servers, or why those of these keywords cannot be told."""
    names = set(output.run("servers").lines)
    if others := sorted(name for name in names if not name.startswith("sshd")):
        return f"another SSH server runs, whose settings are not read: {', '.join(others)}"
    if why := _started_elsewhere(output) or _unread(output) or _outdated(output) or _refused(output):
        return why
    written = list(settings(output.files, _followed(output)))
    given = list(_modern(written, output))
    if why := _disagreement(output, given, keywords):
        return why
    return Servers(written, [[*_modern(options, output, fill=False), *given] for options in _options(output)])


def plain(setting: Setting) -> str:
    """Return a value as sshd takes it: in lower case, by its newer spelling."""
    return _SPELLINGS.get(setting.value.lower(), setting.value.lower())


def where(met: Iterable[Setting]) -> str:
    """Name the lines behind values, with their Match criteria."""
    return "; ".join(
        cut(
            [
                f"{setting.keyword} {plain(setting)}: {setting.where}"
                + (f" in Match {setting.match}" if setting.match else "")
                for setting in met
            ]
        )
    )


def cut(items: list[str]) -> list[str]:
    """Return at most 20 items, with a last one that says how many more there are."""
    return items if len(items) <= _MOST else [*items[:_MOST], f"and {len(items) - _MOST} more"]


def _modern(found: Sequence[Setting], output: Output, *, fill: bool = True) -> Iterable[Setting]:
    """Read the older names of KbdInteractiveAuthentication as this version of OpenSSH does.

    Since 8.7 ChallengeResponseAuthentication is another name for it. Before, it was a setting of its own, global and
    on by default: when on, keyboard-interactive is on too wherever no Match block says otherwise (sshd.c, main).
    """
    version = re.search(r"OpenSSH_(\d+)\.(\d+)", output.run("version").text)
    if not version:
        raise CaptureUnreadable("the version of sshd cannot be told")
    aliases = (_CHALLENGE, "skeyauthentication")
    if (int(version[1]), int(version[2])) >= (8, 7):
        for each in found:
            keyword = _INTERACTIVE if each.keyword in aliases else each.keyword
            yield Setting(keyword, each.value, each.criteria, each.where)
        return
    challenge = next((each for each in found if each.keyword in aliases), None)
    if challenge is None and fill:
        challenge = Setting(_CHALLENGE, "yes", (), "the default of sshd")
    if challenge and plain(challenge) != "no":
        yield Setting(_INTERACTIVE, "yes", (), challenge.where)
    yield from (each for each in found if each.keyword not in aliases)
    if fill:
        yield Setting(_INTERACTIVE, "no", (), "the default of sshd")


def _disagreement(output: Output, given: Sequence[Setting], keywords: Iterable[str]) -> str:
    """Hold our reading of the global values against sshd's own; say why neither can be trusted, else nothing."""
    effective = output.run("effective")
    if effective.status != 0:
        return ""
    said = dict(line.partition(" ")[::2] for line in effective.text.splitlines())
    for keyword in keywords:
        theirs = said.get(keyword, DEFAULTS[keyword] if keyword == "authenticationmethods" else "").strip()
        if not theirs:
            raise CaptureUnreadable(f"sshd -T says nothing of {keyword}")
        theirs = _SPELLINGS.get(theirs.lower(), theirs.lower())
        ours = plain(global_value(given, keyword))
        if ours != theirs:
            return f"sshd -T says {keyword} {theirs}, but its files read as {ours}"
    return ""


def _options(output: Output) -> list[list[Setting]]:
    lines = output.run("command_lines").lines or [""]
    return [
        [Setting(name.lower(), value, (), "the command line of sshd") for name, value in _OPTION.findall(line)]
        for line in lines
    ]


def _refused(output: Output) -> str:
    effective = output.run("effective")
    accepted = effective.status == 0 or any(words in effective.text for words in _HARMLESS)
    return "" if accepted else "sshd -T does not accept the configuration"


def _unread(output: Output) -> str:
    if MAIN not in output.files:
        return f"{MAIN} cannot be read"
    return f"{min(output.unreadable)} cannot be read" if output.unreadable else ""


def _followed(output: Output) -> set[str]:
    return {line for label, run in output.runs.items() if label.startswith("includes ") for line in run.lines}


def _outdated(output: Output) -> str:
    """Say which file a running server has not read since it changed; else nothing."""
    runs = [run for label, run in output.runs.items() if label.startswith("changed ")]
    if not runs:
        raise CaptureUnreadable("the section does not say which files changed")
    if paths := sorted({line for run in runs for line in run.lines}):
        return f"sshd still runs with older settings: {', '.join(cut(paths))} changed since it read them"
    return "" if all(run.status == 0 for run in runs) else "when sshd read its settings cannot be told"


def _started_elsewhere(output: Output) -> str:
    for line in output.run("command_lines").lines:
        if line.startswith("chroot "):
            return "sshd runs below another root directory, whose files are not read"
        other = next((found[1] for found in _OTHER_FILE.finditer(line) if found[1] != MAIN), "")
        if other:
            return f"sshd runs with -f {other}, which is not read"
        program = _PROGRAM.match(line)
        if program and not program[1].startswith(_DIRECTORIES):
            return f"{program[1]} runs, whose files are not read"
    return ""
