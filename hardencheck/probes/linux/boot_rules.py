"""The rulesets in the files of the services that load them when the system starts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hardencheck.probes.linux import firewalld, nft_file
from hardencheck.probes.linux.iptables_file import restore
from hardencheck.probes.linux.nft_rule import NotUnderstood
from hardencheck.probes.linux.packet_filter import Ruleset
from hardencheck.probes.output import Output

__all__ = ["LOADERS", "Loaded", "NotUnderstood"]

#: settings of a unit that decide whether its command is run at all, or run others
_CHANGES = re.compile(r"^\s*(Condition|Assert|ExecStartPost|ExecStartPre|ExecCondition|RootDirectory)", re.MULTILINE)
_RESTORED = (("ip4tables", "/etc/iptables/rules.v4", 4), ("ip6tables", "/etc/iptables/rules.v6", 6))
_UNIT_FOLDERS = ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one service loads, where that is written, and whether it wipes or displaces what others loaded."""

    ruleset: Ruleset
    source: str
    wipes: bool = False


def _started(output: Output, unit: str) -> str:
    """Return the command that a service starts; raises NotUnderstood where the unit was changed in other ways."""
    paths = [f"{folder}/systemd/system/{unit}.service" for folder in _UNIT_FOLDERS]
    main = next((path for path in paths if path in output.files), "")
    dropins = sorted(path for path in output.files if f"/systemd/system/{unit}.service.d/" in path)
    if not main:
        raise NotUnderstood(f"{unit}.service has no file")
    own = [*dropins, *([main] if main.startswith(("/etc/", "/run/")) else [])]
    for path in own:
        if re.search(
            r"^\s*(Condition|Assert|ExecStartPost|ExecStartPre|ExecCondition|RootDirectory)", output.files[path], re.M
        ):
            raise NotUnderstood(f"{path} changes when {unit} starts, and how")
    commands: list[str] = []
    for path in (main, *dropins):
        for line in re.findall(r"^ExecStart[ \t]*=(.*)$", output.files[path], re.M):
            commands = [*commands, line.strip()] if line.strip() else []
    if len(commands) != 1 or commands[0].endswith("\\"):
        raise NotUnderstood(f"{unit}.service starts {len(commands)} commands")
    return commands[0]


def _expect(output: Output, unit: str, pattern: str) -> str:
    found = re.fullmatch(pattern, command := _started(output, unit))
    if found is None:
        raise NotUnderstood(f"{unit}.service starts {command!r}")
    return found[1] if found.groups() else ""


def _nftables(output: Output) -> Loaded:
    path = _expect(output, "nftables", r"/(?:usr/)?s?bin/nft -f (/[^ \"']+)")
    if path not in output.files:
        return _without(output, path, "nft")
    patterns = output.runs["nft_includes"].lines if "nft_includes" in output.runs else []
    found = nft_file.parse(path, output.files, patterns)
    ruleset = Ruleset()
    found.load(ruleset)
    return Loaded(ruleset, f"nftables.service loads {path}", found.flushes)


def _without(output: Output, path: str, tool: str) -> Loaded:
    """Return what a service loads whose file is not there: nothing."""
    if path not in output.absent:
        raise NotUnderstood(f"{path} could not be read")
    return Loaded(Ruleset(), f"{path}, which {tool} would load, is absent")


def _restored(output: Output, pairs: Mapping[str, int], source: str) -> Loaded:
    ruleset = Ruleset()
    for path, family in pairs.items():
        if path in output.files:
            restore(output.files[path], family, ruleset, path)
            source += f" {path},"
        else:
            source += f" ({_without(output, path, 'iptables-restore').source}),"
    return Loaded(ruleset, source.rstrip(","))


def _persistent(output: Output) -> Loaded:
    _expect(output, "netfilter-persistent", r"/usr/sbin/netfilter-persistent start")
    plugins = output.run("persistent_plugins").lines
    if "SKIP" in output.files.get("/etc/default/netfilter-persistent", "").replace("#IPTABLES_SKIP", ""):
        raise NotUnderstood("/etc/default/netfilter-persistent leaves steps out")
    pairs = {}
    for plugin, path, family in (
        ("ip4tables", "/etc/iptables/rules.v4", 4),
        ("ip6tables", "/etc/iptables/rules.v6", 6),
    ):
        if any(plugin in name for name in plugins):
            pairs[path] = family
    return _restored(output, pairs, "netfilter-persistent.service loads")


def _iptables(name: str, family: int) -> Callable[[Output], Loaded]:
    def load(output: Output) -> Loaded:
        _expect(output, name, rf"/usr/libexec/(?:iptables|initscripts)/{name}\.init start")
        return _restored(output, {f"/etc/sysconfig/{name}": family}, f"{name}.service loads")

    return load


def _firewalld(output: Output) -> Loaded:
    _expect(output, "firewalld", r"/(?:usr/)?sbin/firewalld --nofork --nopid(?: \$FIREWALLD_ARGS)?")
    ruleset = Ruleset()
    firewalld.load(output.files, output.run("zones_of_connections").lines, ruleset)
    return Loaded(ruleset, "firewalld.service loads its permanent zones", wipes=True)


def _ufw(output: Output) -> Loaded:
    """Compose what ufw-init loads: its own chains, then before, after and user rules, then the policies."""
    _expect(output, "ufw", r"/(?:usr/)?lib/ufw/ufw-init start(?: quiet)?")
    if "ufw_script" in output.runs:
        raise NotUnderstood(f"{output.run('ufw_script').text.strip()} runs with ufw")
    settings = _shell(_needed(output, "/etc/default/ufw"), "/etc/default/ufw")
    settings |= _shell(_needed(output, "/etc/ufw/ufw.conf"), "/etc/ufw/ufw.conf")
    if settings.get("ENABLED", "").lower() != "yes":
        return Loaded(Ruleset(), "ufw.service loads nothing: ENABLED is not yes in /etc/ufw/ufw.conf")
    policy = settings.get("DEFAULT_INPUT_POLICY", "")
    if policy not in ("ACCEPT", "DROP", "REJECT"):
        raise NotUnderstood(f"DEFAULT_INPUT_POLICY={policy} in /etc/default/ufw")
    ruleset = Ruleset()
    for family, kind in ((4, ""), (6, "6")):
        if kind and settings.get("IPV6", "") not in ("yes", "YES"):
            restore("*filter\n:INPUT DROP\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n", family, ruleset, "ufw-init")
            continue
        restore(_frame(f"ufw{kind}", policy), family, ruleset, "ufw-init")
        for path in (f"/etc/ufw/{name}{kind}.rules" for name in ("before", "after", "user")):
            restore(_needed(output, path), family, ruleset, path)
        last = f"*filter\n-A ufw{kind}-before-input -j ufw{kind}-user-input\nCOMMIT\n"
        restore(last, family, ruleset, "ufw-init")
    return Loaded(ruleset, f"ufw.service, DEFAULT_INPUT_POLICY={policy}")


def _frame(name: str, policy: str) -> str:
    steps = ("before-logging", "before", "after", "after-logging", "reject", "track")
    lines = ["*filter", f":INPUT {'ACCEPT' if policy == 'ACCEPT' else 'DROP'}"]
    lines += [f":{name}-{step}-input -" for step in (*steps, "user", "skip-to-policy", "user-logging")]
    lines += [f":{name}-{chain} -" for chain in ("user-limit", "user-limit-accept", "logging-deny", "logging-allow")]
    lines += [f"-A INPUT -j {name}-{step}-input" for step in steps]
    lines += [f"-A {name}-reject-input -j REJECT"] if policy == "REJECT" else []
    lines += [f"-A {name}-skip-to-policy-input -j {policy}", "COMMIT"]
    return "\n".join(lines)


def _needed(output: Output, path: str) -> str:
    if path not in output.files:
        raise NotUnderstood(f"{path} could not be read")
    return output.files[path]


def _shell(text: str, path: str) -> dict[str, str]:
    """Read a file of shell assignments without expansions."""
    found = {}
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        pair = re.fullmatch(r"\s*([A-Z0-9_]+)=(?:\"([^\"$`]*)\"|'([^']*)'|([^\s\"'$`;&|]*))\s*(?:#.*)?", line)
        if pair is None:
            raise NotUnderstood(f"{path}: {line[:80]}")
        found[pair[1]] = pair[2] or pair[3] or pair[4] or ""
    return found


#: how to read what a service loads, by its name
LOADERS: Mapping[str, Callable[[Output], Loaded]] = {
    "nftables": _nftables,
    "netfilter-persistent": _persistent,
    "iptables": _iptables("iptables", 4),
    "ip6tables": _iptables("ip6tables", 6),
    "ufw": _ufw,
    "firewalld": _firewalld,
}
