"""Who may become root without giving a password.

Reads: /etc/sudoers with all it includes, through `cvtsudoers` (sudo's own parser, so file names with a dot or `~`,
aliases, continuations and includes are read as sudo reads them); /etc/doas.conf; the sudoers line of
/etc/nsswitch.conf.
Needs: root (sudoers is 0440).
Facts: passwordless_root, who may run every command without a password: account names, `%group`, `+netgroup`.
Absent when: cvtsudoers is missing or refuses the file, or sudoers also come from a directory (LDAP, SSSD).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, Probe
from hardencheck.probes.output import Output, read

FACT = "passwordless_root"
SUDOERS = "/etc/sudoers"
DOAS = "/etc/doas.conf"

SCRIPT = r"""
run hostname uname -n
run sudo sh -c 'command -v sudo'
run sudoers_file sh -c '[ -e /etc/sudoers ]'
run sudoers cvtsudoers -c /dev/null -e -f json /etc/sudoers
run directory sh -c 'grep -i "^[[:space:]]*sudoers:" /etc/nsswitch.conf'
files /etc/doas.conf /usr/local/etc/doas.conf
"""
FACTS = {FACT: {"type": "array", "items": {"type": "string"}}}

_DOAS_OPTIONS = ("nopass", "keepenv", "persist", "nolog")
_KINDS = {"username": "", "userid": "#", "usergroup": "%", "usergid": "%#", "netgroup": "+", "nonunixgroup": "%:"}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield who needs no password, by sudoers(5) and doas.conf(5): tags, `Defaults !authenticate`, exempt_group.

    Within sudoers the last matching entry of a user decides. An entry for other hosts does not count.
    """
    output = read(capture)
    sources, why = [SUDOERS], ""
    holders = dict.fromkeys(_doas(output), DOAS)
    sudoers = output.run("sudoers")
    if sudoers.status == 0:
        holders |= dict.fromkeys(_sudoers(sudoers.text, output.run("hostname").text.strip()), SUDOERS)
    elif output.run("sudo").status != 0 and output.run("sudoers_file").status != 0:
        sources = ["sudo is not installed"]
    elif sudoers.missing:
        why = "cvtsudoers is not installed, so sudoers cannot be read as sudo reads it"
    else:
        why = f"cvtsudoers could not read {SUDOERS}"
    if not why and not holders and (directory := _directory(output)):
        why = f"sudoers also come from {directory} (/etc/nsswitch.conf), which cannot be seen on the host"
    if why and not holders:
        return Observation.not_collected(why)
    where = ", ".join(sorted(set(holders.values()))) or ", ".join(sources)
    return Observation.of({FACT: sorted(holders)}, {FACT: where})


def _directory(output: Output) -> str:
    words = output.run("directory").text.partition(":")[2].partition("#")[0].split()
    return " and ".join(word for word in words if word in ("ldap", "sss", "nis", "nisplus"))


def _sudoers(text: str, hostname: str) -> Iterator[str]:
    try:
        document = json.loads(text)
        defaults, specs = document.get("Defaults", []), document.get("User_Specs", [])
    except (ValueError, AttributeError, RecursionError) as error:
        raise CaptureUnreadable(f"cvtsudoers wrote no JSON object: {type(error).__name__}") from None
    free = _free_by_default(defaults)
    exempt = {f"%{group}" for group in _options(defaults, "exempt_group")}
    passwordless: dict[str, bool] = {}
    for spec in specs:
        if not _applies(spec.get("Host_List", []), hostname):
            continue
        for member in spec["User_List"]:
            name = _principal(member)
            for command in spec["Cmnd_Specs"]:
                if not any(each.get("command") == "ALL" and not each.get("negated") for each in command["Commands"]):
                    continue
                tags = [option["authenticate"] for option in command.get("Options", []) if "authenticate" in option]
                passwordless[name] = not tags[-1] if tags else name in exempt or bool(free & {name, "*"})
    for name in exempt:  # its members are exempt from the password in whatever rights other entries give them
        passwordless.setdefault(name, True)
    yield from (name for name, is_free in passwordless.items() if is_free and name not in ("root", "#0"))


def _free_by_default(defaults: list[Any]) -> set[str]:
    """Return whom `Defaults !authenticate` frees; `*` is everyone, also when it is bound to a command or runas user."""
    free: set[str] = set()
    for entry in defaults:
        for option in entry.get("Options", []):
            if "authenticate" in option:
                names = {_principal(member) for member in entry.get("Binding", [])} or {"*"}
                bound = any(set(member) - {"negated"} - set(_KINDS) for member in entry.get("Binding", []))
                if option["authenticate"] is False:
                    free |= {"*"} if bound else names
                elif not bound:
                    free -= names
    return free


def _options(defaults: list[Any], name: str) -> list[str]:
    return [str(option[name]) for entry in defaults for option in entry.get("Options", []) if name in option]


def _principal(member: dict[str, Any]) -> str:
    if member.get("username") == "ALL":
        return "ALL"
    for kind, prefix in _KINDS.items():
        if kind in member:
            return f"{'!' if member.get('negated') else ''}{prefix}{member[kind]}"
    return "ALL"


def _applies(hosts: list[Any], hostname: str) -> bool:
    """Whether a host list may mean this host: only a list of plain names without ours does not."""
    ours = {hostname, hostname.partition(".")[0], "ALL"}
    for host in hosts:
        name = str(host.get("hostname", ""))
        plain = bool(name) and not set(name) & set("*?[") and not host.get("negated")
        if not plain or name in ours:
            return True
    return not hosts


def _doas(output: Output) -> Iterator[str]:
    """Yield the identities of doas.conf(5) rules that permit every command with `nopass`."""
    for path in (DOAS, "/usr/local/etc/doas.conf"):
        for line in output.files.get(path, "").splitlines():
            words = line.partition("#")[0].split()
            if words[:1] == ["permit"] and "nopass" in words and "cmd" not in words:
                identity = next((word for word in words[1:] if word not in _DOAS_OPTIONS), "")
                yield identity.replace(":", "%", 1) if identity.startswith(":") else identity


PROBE = Probe(
    id="linux.sudo",
    title="Privilege without a password",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=15,
)
