"""Who may become root without giving a password.

Reads: /etc/sudoers with all it includes, through `cvtsudoers` (sudo's own parser, so file names with a dot or `~`,
aliases, continuations and includes are read as sudo reads them); /etc/sudo.conf; /etc/doas.conf; the sudoers line of
/etc/nsswitch.conf.
Needs: root (sudoers is 0440).
Facts: passwordless_root, who may run as root, without a password, every command or one that is as good as that (a
shell, su, a whole directory of programs): account names, `%group`, `+netgroup`.
Absent when: cvtsudoers is missing or refuses the file, or sudoers also come from a directory (LDAP, SSSD), from another
file or from another plugin (/etc/sudo.conf).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, Probe
from hardencheck.probes.linux.sudo_commands import every_command, root_shell
from hardencheck.probes.output import Output, read

FACT = "passwordless_root"
SUDOERS = "/etc/sudoers"
DOAS = "/etc/doas.conf"
CONF = "/etc/sudo.conf"

SCRIPT = r"""
run hostname uname -n
run sudo sh -c 'command -v sudo'
run sudoers_file sh -c '[ -e /etc/sudoers ]'
run sudoers cvtsudoers -c /dev/null -e -f json /etc/sudoers
run directory sh -c 'grep -i "^[[:space:]]*sudoers:" /etc/nsswitch.conf'
files /etc/sudo.conf /etc/doas.conf /usr/local/etc/doas.conf
"""
FACTS = {FACT: {"type": "array", "items": {"type": "string"}}}

_DOAS_OPTIONS = ("nopass", "keepenv", "persist", "nolog")
_KINDS = {"username": "", "userid": "#", "usergroup": "%", "usergid": "%#", "netgroup": "+", "nonunixgroup": "%:"}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield who needs no password, by sudoers(5) and doas.conf(5): tags, `Defaults !authenticate`, exempt_group.

    Within sudoers the last matching entry of a user decides. An entry for other hosts, or for commands that run as
    somebody else than root, does not count.
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
    if not why and not holders:
        why = _elsewhere(output)
    if why and not holders:
        return Observation.not_collected(why)
    where = ", ".join(sorted(set(holders.values()))) or ", ".join(sources)
    return Observation.of({FACT: sorted(holders)}, {FACT: where})


def _elsewhere(output: Output) -> str:
    """Say where else sudo finds rules, beside or instead of /etc/sudoers; else nothing."""
    words = output.run("directory").text.partition(":")[2].partition("#")[0].split()
    if directory := " and ".join(word for word in words if word in ("ldap", "sss", "nis", "nisplus")):
        return f"sudoers also come from {directory} (/etc/nsswitch.conf), which cannot be seen on the host"
    for line in output.files.get(CONF, "").replace("\\\n", " ").split("\n"):
        words = line.partition("#")[0].split()
        if len(words) < 3 or words[0].lower() != "plugin" or not words[1].endswith("policy"):
            continue
        other = [word for word in words[3:] if word.startswith("sudoers_file=") and word != f"sudoers_file={SUDOERS}"]
        if other or words[1] != "sudoers_policy":
            return f"{CONF} makes sudo use {(other or words[1:])[0]}, which is not read"
    return ""


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
        here = _matched(spec.get("Host_List", []), lambda host: _is_host(host, hostname))
        names = [_principal(member) for member in spec["User_List"] if not member.get("negated")]
        for command in spec["Cmnd_Specs"] if here is not False else []:
            as_root = _matched(command["runasusers"], _is_root) if "runasusers" in command else _root_unasked(command)
            if as_root is False or not root_shell(command["Commands"]):
                continue
            surely = as_root and here and every_command(command["Commands"])
            tags = [option["authenticate"] for option in command.get("Options", []) if "authenticate" in option]
            for name in names:
                without = not tags[-1] if tags else name in exempt or bool(free & {name, "*"})
                if without or surely:
                    passwordless[name] = without
                else:
                    passwordless.setdefault(name, False)
    for name in exempt | (free - {"*"}):  # they need no password in whatever rights other entries may give them
        if name in exempt or any(_may_mean(other, name) for other in passwordless):
            passwordless.setdefault(name, True)
    yield from (name for name, is_free in passwordless.items() if is_free and name not in ("root", "#0"))


def _may_mean(entry: str, name: str) -> bool:
    """Whether an entry of sudoers may give its rights to whom another name means, by a group or a user id."""
    return entry not in ("root", "#0", name) and (entry == "ALL" or entry[0] in "%+#" or name[0] in "%+#")


def _free_by_default(defaults: list[Any]) -> set[str]:
    """Return whom `Defaults !authenticate` frees; `*` is everyone, also when it is bound to a command or runas user."""
    free: set[str] = set()
    for entry in defaults:
        binding = entry.get("Binding", [])
        names = {_principal(member) for member in binding}
        bound = any(set(member) - {"negated"} - set(_KINDS) for member in binding)
        everyone = not names or bound or "ALL" in names or any(member.get("negated") for member in binding)
        for option in entry.get("Options", []):
            if option.get("authenticate") is False:
                free |= {"*"} if everyone else names
            elif "authenticate" in option and not bound:
                free -= names or {"*"}
    return free


def _options(defaults: list[Any], name: str) -> list[str]:
    return [
        option[name] for entry in defaults for option in entry.get("Options", []) if isinstance(option.get(name), str)
    ]


def _principal(member: dict[str, Any]) -> str:
    if member.get("username") == "ALL":
        return "ALL"
    return next((f"{prefix}{member[kind]}" for kind, prefix in _KINDS.items() if kind in member), "ALL")


def _matched(members: list[Any], test: Callable[[Any], bool | None]) -> bool | None:
    """Whether a list means what `test` looks for: its last matching member decides; None: that cannot be told."""
    result: bool | None = False
    for member in members:
        hit = test(member)
        if hit is None:
            result = None
        elif hit:
            result = not member.get("negated", False)
    return result


def _is_host(member: dict[str, Any], hostname: str) -> bool | None:
    name = str(member.get("hostname", ""))
    if not name or set(name) & set("*?["):
        return None
    return name in (hostname, hostname.partition(".")[0], "ALL")


def _is_root(member: dict[str, Any]) -> bool | None:
    if "username" in member:
        return member["username"] in ("ALL", "root")
    return int(member["userid"]) == 0 if "userid" in member else None


def _root_unasked(command: dict[str, Any]) -> bool:
    """Whether an entry without runas users means root: one with groups alone runs as the invoking user."""
    return "runasgroups" not in command


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
