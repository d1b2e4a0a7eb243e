"""What a probe would capture on a host after playbooks ran: a recorded capture, and over it what was set.

So the probe's own parser and the rule say whether what a playbook writes is what they read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hardencheck.model.capture import Capture
from hardencheck.model.probe import Probe
from hardencheck.probes.powershell import as_list
from tests.playbooks.windows_host import WindowsHost

_KINDS = {"dword": "DWord", "string": "String"}
_STARTS = {"auto": 2, "delayed": 2, "manual": 3, "disabled": 4}
_VARIABLE = re.compile(r"^\$(\w+) = ['\"]([^'\"]*)['\"]", re.MULTILINE)
#: what WinRM says itself, and the policy that makes it say so
_LIVE = {
    "client_basic": "client allowbasic", "client_digest": "client allowdigest",
    "client_unencrypted": "client allowunencryptedtraffic", "service_basic": "service allowbasic",
    "service_unencrypted": "service allowunencryptedtraffic",
}  # fmt: skip
_READ = re.compile(r"(\w+) = \$one\.(\w+)")
#: numbers of MSFT_NetFirewallProfile for the words that its settings are given
_WORDS = {"True": 1, "Block": 4}
_PROFILE = {"Enabled": "enabled", "DefaultInboundAction": "inbound", "LogBlocked": "blocked", "LogAllowed": "allowed"}
_AUDIT = re.compile(r"^[^,]*,System,([^,]*),(.*),([0-9]+)$")

Item = dict[str, Any]


def mended(capture: Capture, probe: Probe, host: WindowsHost) -> Capture:
    """Return a capture as it would be after what was set on a host, services started anew."""
    lines = []
    for text in capture.stdout.decode().splitlines():
        item = json.loads(text)
        if item.get("ok") and item["v"] is not None:
            for change in (_registry, _security, _audit, _defender, _logs, _firewall, _features, _services):
                change(item, probe, host)
        lines.append(json.dumps(item))
    return replace(capture, stdout=("\n".join(lines) + "\n").encode())


def _registry(item: Item, probe: Probe, host: WindowsHost) -> None:
    key = item["v"]
    if not isinstance(key, dict) or "path" not in key:
        return
    at, asked = _asked(probe, item["i"], str(key["path"]))
    for (path, name), written in host.registry.items():
        told = name.lower() in asked or "'*'" in asked or "names" in key
        if path.removeprefix("HKLM:\\").lower() != at or not told:
            continue
        kept = {old: value for old, value in key.get("values", {}).items() if old.lower() != name.lower()}
        if written is not None:
            key["exists"], kept[name] = True, {"k": _KINDS[written[0]], "v": written[1]}
        if key["exists"]:
            key["values"] = kept
        if "names" in key:
            key["names"] = [one for one in key["names"] if one != name] + ([name] if written else [])
    set_to = {name.lower(): words for name, words in host.services.items()}
    mode = set_to.get(at.rpartition("\\")[2], "").partition(" ")[0]
    if "\\services\\" in at and mode and key["exists"]:
        key["values"]["Start"] = {"k": "DWord", "v": _STARTS[mode]}


def _asked(probe: Probe, item: str, otherwise: str) -> tuple[str, str]:
    """Return the key that a probe's script reads for an item, and the names that it asks for there, in small letters.

    Recorded captures may hold a shorter path than the real one.
    """
    script = probe.script.replace("`\n", " ").lower()
    texts = dict(_VARIABLE.findall(script))
    for name, text in _VARIABLE.findall(script):  # one may stand inside another
        texts[name] = re.sub(r"\$(\w+)", lambda found: texts.get(found[1], found[0]), text)
    found = re.search(rf"registry '{re.escape(item.lower())}' ('[^']*'|\"[^\"]*\"|\$\w+)([^\n]*)", script)
    if found is None:
        return otherwise.lower(), script
    path = re.sub(r"\$\{?(\w+)\}?", lambda one: texts.get(one[1], one[0]), found[1].strip("'\""))
    return path, found[2]


def _security(item: Item, _: Probe, host: WindowsHost) -> None:
    if item["i"] != "policy" or not isinstance(item["v"], dict) or "lines" not in item["v"]:
        return
    lines = item["v"]["lines"]
    if "[System Access]" in lines:
        kept = [line for line in lines if line.partition(" =")[0] not in host.security]
        at = kept.index("[System Access]") + 1
        item["v"]["lines"] = kept[:at] + [f"{key} = {value}" for key, value in host.security.items()] + kept[at:]
    if "[Privilege Rights]" in lines:
        parts = (line.partition("=") for line in lines if line.startswith("Se"))
        held = {right.strip(): users.strip() for right, _, users in parts}
        for right, (action, users) in host.rights.items():
            before = held.get(right, "").split(",") if action == "add" else []
            held[right] = ",".join(filter(None, [*before, *(f"*{user}" for user in users)]))
        after = [f"{right} = {users}" for right, users in held.items() if users]
        item["v"]["lines"] = ["[Privilege Rights]", *after, *lines[lines.index("[Version]") :]]


def _audit(item: Item, _: Probe, host: WindowsHost) -> None:
    if item["i"] != "audit":
        return

    def row(line: str) -> str:
        found = _AUDIT.match(line)
        wanted = host.audit.get(found[1], 0) if found else 0
        return f"WS01,System,{found[1]},{found[2]},{int(found[3]) % 4 | wanted}" if found else line

    item["v"]["lines"] = [row(line) for line in item["v"]["lines"]]


def _defender(item: Item, probe: Probe, host: WindowsHost) -> None:
    if item["i"] != "preference":
        return
    names = {short: name for short, name in _READ.findall(probe.script) if name in host.preferences}
    item["v"] |= {short: host.preferences[name] for short, name in names.items()}
    ids, numbers = (as_list(item["v"][name]) for name in ("ids", "actions"))
    actions = {str(rule).lower(): number for rule, number in zip(ids, numbers, strict=False)}
    actions |= dict.fromkeys(host.asr, 1)
    item["v"] |= {"ids": list(actions), "actions": list(actions.values())}


def _logs(item: Item, _: Probe, host: WindowsHost) -> None:
    name = item["i"].removeprefix("log ")
    if name in host.logs:
        item["v"] |= {"bytes": max(item["v"]["bytes"], host.logs[name] * 1024), "mode": 0, "on": True}
    elif item["i"] == "log" and "Microsoft-Windows-PowerShell/Operational" in host.logs:
        item["v"] = True


def _firewall(item: Item, _: Probe, host: WindowsHost) -> None:
    if item["i"] == "service" and "started" in host.services.get("MpsSvc", ""):
        item["v"]["state"] = "Running"
    if item["i"] != "profiles":
        return
    for one in item["v"]:
        one |= {_PROFILE[name]: _WORDS[word] for name, word in host.profiles.items() if name in _PROFILE}
        if "LogMaxSizeKilobytes" in host.profiles:
            one["size"] = str(max(int(one["size"]), host.profiles["LogMaxSizeKilobytes"]))
        if any(host.closing):
            one["without"] = ["NotConfigured"]


def _features(item: Item, _: Probe, host: WindowsHost) -> None:
    if item["i"] == "features":
        gone = {name.lower() for name in host.removed}
        left = [name for name in as_list(item["v"]["enabled"]) if name.lower() not in gone]
        item["v"]["disabled"] += len(as_list(item["v"]["enabled"])) - len(left)
        item["v"]["enabled"] = left


def _services(item: Item, probe: Probe, host: WindowsHost) -> None:
    if item["i"] == "live":
        policies = {f"{path.rpartition(chr(92))[2]} {name}".lower() for path, name in host.registry if "WinRM" in path}
        item["v"] |= {fact: "false" for fact, policy in _LIVE.items() if policy in policies}
    if item["i"] == "protected" and any(name == "RunAsPPL" for _, name in host.registry):
        item["v"]["seen"] = 1  # after the restart that it needs
    if item["i"] == "spooler" and "stopped" in host.services.get("Spooler", ""):
        item["v"] = False
    if probe.id == "windows.smb":
        _smb(item, host)


def _smb(item: Item, host: WindowsHost) -> None:
    """After the restart that removing SMB 1 needs."""
    changes: dict[str, Callable[[Any], Any]] = {}
    if host.signing:
        changes |= {"server": lambda v: {**v, "signing": True}, "client": lambda v: {**v, "signing": True}}
    if "SMB1Protocol" in host.removed:
        changes |= {"feature": lambda _: 2, "server_driver": lambda _: False, "driver": lambda _: False}
    if item["i"] in changes:
        item["v"] = changes[item["i"]](item["v"])
