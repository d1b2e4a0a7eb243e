"""Whether USBGuard keeps strangers' devices out: daemon, policy for unknown devices, rules, who may change them.

Reads: /etc/usbguard/usbguard-daemon.conf, the rule file and folder that it names, the IPC access files, the daemon's
process and unit, `usbguard list-rules` (the rules that the running daemon has), /etc/passwd and /etc/group.
Needs: root (all of it is readable for root alone).
Facts:
  daemon_running    whether usbguard-daemon runs
  starts_at_boot    whether its unit is enabled
  implicit_target   what happens to a device that no rule matches: block, reject or allow
  present_policy    what happens to devices that are plugged in when the daemon starts
  inserted_policy   what happens to devices that are plugged in later
  loose_rules       rules that let in devices nobody named, or storage, phones and networks without product id or hash
  rule_count        rules in force: an empty list with a blocking implicit target is a policy, too
  weak_options      options that leave a gap while the daemon starts or after it stops
  may_authorise     accounts besides root that may let a device in or change the policy
Absent when: the daemon uses another configuration file, a file cannot be read, a line that USBGuard would refuse while
the daemon runs, a running daemon that does not tell its rules, no list of who may change the policy.
Not applicable without USBGuard, and where the kernel has no USB.
"""

from __future__ import annotations

import re

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import software, usbguard_rules
from hardencheck.probes.output import Output, read

DAEMON_CONF = "/etc/usbguard/usbguard-daemon.conf"

SCRIPT = (
    software.FUNCTIONS
    + r"""
places() {
  [ ! -e /sys/bus ] || echo /sys/bus
  [ ! -e /sys/bus/usb ] || echo /sys/bus/usb
  for path in /usr/sbin/usbguard-daemon /usr/bin/usbguard-daemon /sbin/usbguard-daemon; do
    [ ! -e "$path" ] || echo "$path"
  done
}
option() {
  sed -nE "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*(.*[^[:space:]])[[:space:]]*\$/\1/p" "$conf" | tail -n 1
}
arguments() {
  for path in /proc/[0-9]*/comm; do
    read -r name 2>/dev/null <"$path" || continue
    [ "$name" != usbguard-daemon ] || tr '\0' ' ' <"${path%comm}cmdline" | sed 's/ *$//'
  done
}
run places places
run packages installed usbguard
all() {
  conf=/etc/usbguard/usbguard-daemon.conf
  run running running usbguard-daemon
  run enabled systemctl is-enabled usbguard.service
  run arguments arguments
  run loaded usbguard list-rules
  files "$conf" /etc/group
  run accounts cut -d: -f1,4 /etc/passwd
  if [ -r "$conf" ]; then
    set --
    file=$(option RuleFile)
    [ -z "$file" ] || set -- "$file"
    folder=$(option RuleFolder)
    for path in "${folder:+${folder%/}/}"* "${folder:+${folder%/}/}".[!.]*; do
      [ -z "$folder" ] || [ ! -f "$path" ] || set -- "$@" "$path"
    done
    folder=$(option IPCAccessControlFiles)
    for path in "${folder:+${folder%/}/}"* "${folder:+${folder%/}/}".[!.]*; do
      [ -z "$folder" ] || [ ! -f "$path" ] || set -- "$@" "$path"
    done
    files "$@"
  fi
}
case $(places) in */bus/usb*usbguard-daemon*) all ;; esac
"""
)

FACTS: dict[str, JsonSchema] = {
    "daemon_running": {"type": "boolean"},
    "starts_at_boot": {"type": "boolean"},
    "implicit_target": {"type": "string"},
    "present_policy": {"type": "string"},
    "inserted_policy": {"type": "string"},
    "loose_rules": {"type": "array", "items": {"type": "string"}},
    "rule_count": {"type": "integer"},
    "weak_options": {"type": "array", "items": {"type": "string"}},
    "may_authorise": {"type": "array", "items": {"type": "string"}},
}

_DEFAULTS = {
    "ImplicitPolicyTarget": "block",
    "PresentDevicePolicy": "apply-policy",
    "InsertedDevicePolicy": "apply-policy",
}
_FROM_CONF = ("implicit_target", "present_policy", "inserted_policy", "weak_options", "may_authorise")
_SAFE = {"AuthorizedDefault": ("none", "internal"), "RestoreControllerDeviceState": ("false",)}
#: A line of an access file that gives the right to change something (IPCServer.cpp).
_MAY_MODIFY = re.compile(r"(?m)^\s*(Devices|Policy|Parameters|ALL)\s*=.*\b(modify|ALL)\b")
_CAPPED = 20


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the daemon's state, its options, and what its rules let in."""
    del context
    output = read(capture)
    places, known = set(output.run("places").lines), software.packages(output.run("packages"))
    if not any(path.endswith("usbguard-daemon") for path in places):
        if known is None:
            return Observation.not_collected("whether USBGuard is installed is not known: no package database answered")
        if "usbguard" in known:
            return Observation.not_collected(
                "USBGuard's package is installed, but its daemon is not where it was looked for"
            )
        return Observation.not_applicable("USBGuard is not installed (no program, and the package database agrees)")
    if "/sys/bus" not in places:
        return Observation.not_collected("/sys is not there: whether the kernel has USB cannot be seen")
    if "/sys/bus/usb" not in places:
        return Observation.not_applicable("the kernel runs without USB (no /sys/bus/usb)")
    facts: dict[str, object] = {}
    missing: dict[str, str] = {}
    _daemon(output, facts, missing)
    _policy(output, facts, missing)
    read_from = dict.fromkeys(facts, DAEMON_CONF) | {
        "daemon_running": "/proc/*/comm",
        "starts_at_boot": "systemctl is-enabled usbguard.service",
        "loose_rules": _rules_from(output),
        "rule_count": _rules_from(output),
    }
    return Observation.of(facts, {name: read_from[name] for name in facts}, missing)


def _daemon(output: Output, facts: dict[str, object], missing: dict[str, str]) -> None:
    """Tell whether it runs now and after the next start."""
    running = software.processes(output.run("running"))
    if running is None:
        missing["daemon_running"] = "/proc does not show the processes"
    else:
        facts["daemon_running"] = bool(running)
    state = output.run("enabled")
    if state.missing or not state.text.strip():
        missing["starts_at_boot"] = "systemctl does not say whether usbguard.service is enabled"
    else:
        facts["starts_at_boot"] = state.text.strip() in ("enabled", "static", "alias", "indirect", "generated")


def _policy(output: Output, facts: dict[str, object], missing: dict[str, str]) -> None:
    """Read the options and the rules."""
    every = (*_FROM_CONF, "loose_rules", "rule_count")
    other = re.search(r"\s-c\s*(\S+)", output.run("arguments").text)
    text = output.files.get(DAEMON_CONF)
    if other and other[1] != DAEMON_CONF:
        missing |= dict.fromkeys(every, f"the daemon runs with another configuration: {other[1]}")
        return
    if text is None:
        missing |= dict.fromkeys(every, f"{DAEMON_CONF} cannot be read")
        return
    options = _options(text)
    facts["implicit_target"] = options.get("ImplicitPolicyTarget", _DEFAULTS["ImplicitPolicyTarget"])
    facts["present_policy"] = options.get("PresentDevicePolicy", _DEFAULTS["PresentDevicePolicy"])
    facts["inserted_policy"] = options.get("InsertedDevicePolicy", _DEFAULTS["InsertedDevicePolicy"])
    facts["weak_options"] = [
        f"{name}={options[name]}" for name, good in _SAFE.items() if name in options and options[name] not in good
    ]
    if not {"IPCAllowedUsers", "IPCAllowedGroups", "IPCAccessControlFiles"} & set(options):
        missing["may_authorise"] = "no option says who may change the policy: what then holds differs by version"
    else:
        facts["may_authorise"] = _operators(output, options)
    _rules(output, options, facts, missing)


def _options(text: str) -> dict[str, str]:
    """Return the options; the last line of a name wins, names are case-sensitive."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {name.strip(): value.strip() for name, equals, value in (line.partition("=") for line in lines) if equals}


def _rules(output: Output, options: dict[str, str], facts: dict[str, object], missing: dict[str, str]) -> None:
    """Judge the rules of the files, which the next start loads, and those that the daemon has now."""
    wanted = [path for path in (options.get("RuleFile", ""),) if path]
    folder = f"{options.get('RuleFolder', '').rstrip('/') or ' '}/"
    paths = [path for path in sorted(output.files, key=str.encode) if path.rpartition("/")[0] == folder[:-1]]
    if closed := sorted(path for path in output.unreadable if path in wanted or path.startswith(folder)):
        missing |= dict.fromkeys(("loose_rules", "rule_count"), f"{closed[0]} cannot be read")
        return
    named = [path for path in wanted if path in output.files]
    files = usbguard_rules.read((path, output.files[path]) for path in [*named, *paths])
    loaded, running = output.run("loaded"), facts.get("daemon_running", True)
    listed = [re.sub(r"^\d+: ", "", line) for line in loaded.lines if line.strip()]
    live = usbguard_rules.read([("loaded", "\n".join(listed))] if loaded.status == 0 and running else [])
    if live.refused or (files.refused and running):
        where = (*live.refused, *files.refused)[0]
        missing |= dict.fromkeys(("loose_rules", "rule_count"), f"{where}: not a rule that USBGuard takes")
        return
    found = [*usbguard_rules.loose(files.rules), *usbguard_rules.loose(live.rules)]
    found += [f"{where}: refused, and the daemon does not start with it" for where in files.refused]
    found += [f"{path} is not there, and the daemon does not start without it" for path in wanted if path not in named]
    if running and loaded.status != 0 and not found:
        missing |= dict.fromkeys(("loose_rules", "rule_count"), "the running daemon does not tell its rules")
        return
    facts["loose_rules"] = found[:_CAPPED]
    facts["rule_count"] = len(live.rules) if loaded.status == 0 and running else len(files.rules)


def _rules_from(output: Output) -> str:
    """Say where the rules were read."""
    return "rule files, usbguard list-rules" if output.run("loaded").status == 0 else "rule files"


def _operators(output: Output, options: dict[str, str]) -> list[str]:
    """Name the accounts besides root that may authorise devices or change the policy."""
    users, groups = set(options.get("IPCAllowedUsers", "").split()), set(options.get("IPCAllowedGroups", "").split())
    folder = options.get("IPCAccessControlFiles", "").rstrip("/")
    for path, text in output.files.items():
        directory, _, name = path.rpartition("/")
        if folder and directory == folder and _MAY_MODIFY.search(text):
            (groups if name.startswith(":") else users).add(name.removeprefix(":"))
    gids = {}
    for line in output.files.get("/etc/group", "").splitlines():
        name, _, rest = line.partition(":")
        _, _, rest = rest.partition(":")
        gid, _, members = rest.partition(":")
        if name in groups or gid in groups:
            gids[gid] = name
            users.update(filter(None, members.split(",")))
    for line in output.run("accounts").lines:
        name, _, gid = line.partition(":")
        if gid in gids:
            users.add(name)
    return sorted(users - {"root", "0"})[:_CAPPED]


PROBE = Probe(
    id="linux.usbguard",
    title="USBGuard: daemon, policy and rules",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    asks={software.PACKAGES: ("usbguard",), software.PROCESSES: ()},
)
