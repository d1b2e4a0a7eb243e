"""Whether a shell that nobody uses ends by itself, for every account that has one.

Reads: /etc/profile and what it reads in (lines on TMOUT and the shell's structure alone), zsh's files, /etc/passwd
(names and shells of root and of people), /etc/shells, logind.conf with its drop-ins, what the running logind says
(`busctl get-property`, without starting it).
Needs: nothing where these are readable for all, as they are shipped.
Facts:
  endless            accounts whose idle shell never ends, or whose users can switch the time-out off, and why
  seconds_until_end  idle time until the slowest of them ends; null when one never does
  tmout_seconds      TMOUT as a login of bash reads it; null when it is not set
  tmout_readonly     whether that login also makes it read-only
  logind_seconds     StopIdleSessionSec in force now and after the next start; null without
Absent when: a line on TMOUT depends on a condition, a file that cannot be read, logind's answer and its files differ in
what they are able to say.

bash, ksh and zsh obey TMOUT; dash, fish and csh do not. Files that other users cannot read are skipped for them. logind
(systemd 252 and later) ends a session whatever shell it runs, if pam_systemd told it of that session.
"""

from __future__ import annotations

import re

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import shell_profile, systemd_config
from hardencheck.probes.linux.shell_profile import Timeout
from hardencheck.probes.output import Output, read

SCRIPT = (
    shell_profile.FUNCTIONS
    + systemd_config.FUNCTIONS
    + r"""
people() {
  awk -F: '$3 == 0 || ($3 >= 1000 && $3 != 65534) { print $1 ":" $3 ":" ($7 == "" ? "/bin/sh" : $7) }' /etc/passwd
}
sourced() {
  grep -hsoE '(^|[[:space:];&])(\.|source)[[:space:]]+"?/[^[:space:];&"]+' /etc/profile /etc/bash.bashrc /etc/bashrc \
    /etc/profile.d/* | sed 's/.*[[:space:]"]//' | grep -vE '^/etc/(profile|bash|zsh)' | sort -u | head -n 20
}
closed() {
  find -L /etc/profile /etc/bash.bashrc /etc/bashrc /etc/zsh /etc/profile.d "$@" -maxdepth 1 \
    \( -type d ! -perm -005 -o -type f ! -perm -004 \) 2>/dev/null | sort
}
set --
for path in $(sourced); do
  [ -f "$path" ] && grep -qs TMOUT "$path" && set -- "$@" "$path"
done
pam_systemd() {
  cat /etc/pam.d/* /usr/lib/pam.d/* /usr/etc/pam.d/* 2>/dev/null |
    grep -cE '^[[:space:]]*-?session[[:space:]].*pam_systemd[.]so'
  for path in /lib/security /lib/*/security /lib64/security /usr/lib64/security; do
    [ ! -e "$path/pam_systemd.so" ] || printf '%s\n' "$path"
  done
}
run people people
run closed closed "$@"
run shell readlink -f /bin/sh
files /etc/shells
for path in /etc/profile /etc/bash.bashrc /etc/bashrc /etc/bash.bashrc.local /etc/profile.local /etc/zshenv \
  /etc/zprofile /etc/zshrc /etc/zsh/zshenv /etc/zsh/zprofile /etc/zsh/zshrc "$@"; do
  [ ! -e "$path" ] || run "shell $path" shell_lines "$path"
done
for path in /etc/profile.d/*; do
  [ -f "$path" ] && printf '%s\n' TMOUT "$@" | grep -qsFf - "$path" && run "shell $path" shell_lines "$path"
done
systemd_files logind
run pam_systemd pam_systemd
named='^[[:space:]]*StopIdleSessionSec'
if grep -qs "$named" /etc/systemd/logind.conf /etc/systemd/logind.conf.d/* /run/systemd/logind.conf \
  /run/systemd/logind.conf.d/* /usr/local/lib/systemd/logind.conf /usr/local/lib/systemd/logind.conf.d/* \
  /usr/lib/systemd/logind.conf /usr/lib/systemd/logind.conf.d/* /lib/systemd/logind.conf /lib/systemd/logind.conf.d/*
then
  run systemd systemctl --version
  run logind busctl --auto-start=no get-property org.freedesktop.login1 /org/freedesktop/login1 \
    org.freedesktop.login1.Manager StopIdleSessionUSec
fi
"""
)

FACTS: dict[str, JsonSchema] = {
    "endless": {"type": "array", "items": {"type": "string"}},
    "seconds_until_end": {"type": ["integer", "null"]},
    "tmout_seconds": {"type": ["integer", "null"]},
    "tmout_readonly": {"type": "boolean"},
    "logind_seconds": {"type": ["integer", "null"]},
}

_BOURNE = ("/etc/profile",)
_ZSH = ("/etc/zshenv", "/etc/zsh/zshenv", "/etc/zprofile", "/etc/zsh/zprofile", "/etc/zshrc", "/etc/zsh/zshrc")
#: How shells log in; None for those that do not know TMOUT.
_SHELLS: dict[str, tuple[str, ...] | None] = {
    **dict.fromkeys(("bash", "rbash", "ksh", "ksh93", "mksh", "pdksh"), _BOURNE),
    **dict.fromkeys(("zsh", "zsh5", "rzsh"), _ZSH),
    **dict.fromkeys(("dash", "ash", "fish", "csh", "tcsh", "posh", "yash", "nu", "elvish", "pwsh", "xonsh"), None),
}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the accounts whose shells go on, and the time of the others."""
    output = read(capture)
    if output.run("people").status != 0:
        return Observation.not_collected("/etc/passwd cannot be read")
    shells = _people(output)
    if not shells:
        return Observation.not_applicable("no account of root or of a person has a login shell")
    logind, unclear_logind = _logind(output, context)
    files = {label.removeprefix("shell "): run.text for label, run in output.runs.items() if label.startswith("shell ")}
    shut = set(output.run("closed").lines)
    closed = frozenset(path for path in files if path in shut or path.rpartition("/")[0] in shut)
    facts: dict[str, object] = {}
    missing: dict[str, str] = {}
    mine = shell_profile.login(files, _BOURNE, closed)
    if mine.unclear:
        missing |= {"tmout_seconds": mine.unclear, "tmout_readonly": mine.unclear}
    else:
        facts |= {"tmout_seconds": mine.seconds, "tmout_readonly": mine.readonly}
    if unclear_logind:
        missing["logind_seconds"] = unclear_logind
    else:
        facts["logind_seconds"] = logind
    _endless(shells, (files, closed), logind, (facts, missing))
    if unclear_logind and (missing.get("endless") or facts.get("endless")):
        missing |= {"endless": unclear_logind, "seconds_until_end": unclear_logind}
        facts.pop("endless", None), facts.pop("seconds_until_end", None)
    where = mine.where or "/etc/profile"
    read_from = {
        "endless": f"/etc/passwd, {where}",
        "seconds_until_end": f"{where}, logind.conf",
        "tmout_seconds": where,
        "tmout_readonly": where,
        "logind_seconds": "logind.conf, logind",
    }
    return Observation.of(facts, {name: read_from[name] for name in facts}, missing)


def _endless(
    shells: list[tuple[str, int, str, str]],
    state: tuple[dict[str, str], frozenset[str]],
    logind: int | None,
    result: tuple[dict[str, object], dict[str, str]],
) -> None:
    """Judge each account's shell."""
    (files, closed), (facts, missing) = state, result
    found, times, unclear = list[str](), list[int](), ""
    for name, uid, path, kind in shells:
        start = _SHELLS[kind]
        timeout = shell_profile.login(files, start, frozenset() if uid == 0 else closed) if start else Timeout()
        ends = [] if logind is None else [logind]
        number = timeout.plain or kind in ("bash", "rbash")
        if timeout.seconds and timeout.readonly and number and not timeout.unclear:
            ends.append(timeout.seconds)
        if ends:
            times.append(min(ends))
        elif timeout.unclear:
            unclear = unclear or timeout.unclear
        elif start is None:
            found.append(f"{name}: {path} does not know TMOUT")
        elif timeout.seconds and not number:
            found.append(f"{name}: {path} takes the TMOUT of {timeout.where} for no number")
        elif timeout.seconds:
            found.append(f"{name}: TMOUT={timeout.seconds} can be changed, it is not read-only ({timeout.where})")
        elif timeout.where:
            found.append(f"{name}: TMOUT is no time that ends a shell ({timeout.where})")
        else:
            found.append(f"{name}: {path} reads no TMOUT")
    if found or not unclear:
        facts["endless"] = found[:20]
        facts["seconds_until_end"] = None if found else max(times)
    else:
        missing |= {"endless": unclear, "seconds_until_end": unclear}


def _people(output: Output) -> list[tuple[str, int, str, str]]:
    """Return name, uid, shell and its kind of each account that has a shell; a program that is none is left out."""
    listed = {line.strip() for line in output.files.get("/etc/shells", "").splitlines()}
    target = output.run("shell").text.strip().rpartition("/")[2]
    found = []
    for line in output.run("people").lines:
        name, _, rest = line.partition(":")
        uid, _, path = rest.partition(":")
        kind = path.rpartition("/")[2]
        kind = target if kind == "sh" else kind
        if kind not in _SHELLS:
            if path not in listed or kind in ("nologin", "false", "true", "git-shell"):
                continue
            kind = "dash"  # a shell that is not known here is not known to obey TMOUT
        found.append((name, int(uid) if uid.isdecimal() else -1, path, kind))
    return found


def _logind(output: Output, context: Context) -> tuple[int | None, str]:
    """Return the seconds after which logind ends an idle session, or why that is not known.

    What the files say holds after the next start, what logind says holds now: the longer one counts.
    """
    config = systemd_config.of(output, "logind")
    setting = config.last("Login", "StopIdleSessionSec")
    if setting is None and not config.unclear:
        return None, ""
    registered, *modules = output.run("pam_systemd").lines
    if registered == "0" or not modules:
        return None, ""  # no session is ever known to logind
    if setting is None and "logind" not in output.runs:
        return None, config.unclear  # logind is asked only where a file that can be read names the option
    live = output.run("logind")
    if live.missing or live.status != 0:
        version = re.match(r"systemd (\d+)", output.run("systemd").text)
        if setting is None or version is None or int(version[1]) < 252 or context.system.container:
            return None, ""  # too old to know the option, or no logind that could carry it out
        return None, "whether logind runs, and with which StopIdleSessionSec, is not known"
    if config.unclear:
        return None, config.unclear
    said = re.fullmatch(r"t (\d+)\s*", live.text)
    wanted = systemd_config.seconds(setting.value) if setting else None
    if said is None or wanted is None:
        return None, f"{setting.where if setting else 'logind'}: StopIdleSessionSec is not a time"
    now = int(said[1]) / 1e6
    longest = max(now, wanted)
    return (None, "") if longest >= 1e9 or not wanted or not now else (max(1, round(longest)), "")


PROBE = Probe(
    id="linux.idle_shell",
    title="End of idle shell sessions",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
)
