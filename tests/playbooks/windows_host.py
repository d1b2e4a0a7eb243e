"""A Windows host as Ansible sees it: it takes what Ansible sends over WinRM apart, and keeps what modules would set.

Real ansible-playbook, real WinRM client; no PowerShell. What a module would do with its arguments is modelled here from
its documentation, so that it shows what arrives at a host, and never that a host obeys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.winlab.shells import Request, Result

#: what precedes the modules: Ansible's own wrapper, ended by this line
_END_OF_WRAPPER = b"\n\x00\x00\x00\x00\n"
#: modules that only look; win_powershell does where its tasks say `check_mode: false`
_LOOKING = ("setup", "win_reg_stat", "win_whoami")
_ROLES = {"workstation": "Member workstation", "domain_controller": "Backup domain controller"}


@dataclass(frozen=True)
class Call:
    """One module as it reached the host."""

    module: str
    args: Mapping[str, Any]

    @property
    def preview(self) -> bool:
        """Whether it was told to change nothing."""
        return bool(self.args["_ansible_check_mode"])

    @property
    def looks(self) -> bool:
        """Whether it changes nothing anyhow."""
        return self.module in _LOOKING or (self.module == "win_powershell" and asks(self.args))


@dataclass
class WindowsHost:
    """A host: what it is (role, joined, how the account came in), and everything that reached it.

    `policies` are values that group policies set otherwise, `registry` holds what is there at first and then what was
    written (None: deleted); the others hold what was set through each kind of task.
    """

    role: str = "workstation"
    joined: bool = True
    logon: str = "Network"
    groups: tuple[str, ...] = ("S-1-5-32-544",)
    policies: str = ""
    features: tuple[str, ...] = ("MicrosoftWindowsPowerShellV2", "MicrosoftWindowsPowerShellV2Root", "NetFx4-AdvSrvs",
                                 "SMB1Protocol", "TFTP", "telnetclient")  # fmt: skip
    registry: dict[tuple[str, str], tuple[str, Any] | None] = field(default_factory=dict)
    security: dict[str, Any] = field(default_factory=dict)
    rights: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    preferences: dict[str, Any] = field(default_factory=dict)
    asr: set[str] = field(default_factory=set)
    audit: dict[str, int] = field(default_factory=dict)
    logs: dict[str, int] = field(default_factory=dict)
    profiles: dict[str, Any] = field(default_factory=dict)
    closing: list[bool] = field(default_factory=list)
    services: dict[str, str] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    signing: bool = False
    calls: list[Call] = field(default_factory=list)

    def __call__(self, request: Request) -> Result:
        """Carry out what Ansible sent, and answer as its module would."""
        call = sent(request.stdin)
        self.calls.append(call)
        answer = getattr(self, f"_{call.module}")(call)
        return Result(stdout=json.dumps({"changed": False, **answer}).encode())

    def changes(self) -> list[Call]:
        """Return what would have changed something."""
        return [call for call in self.calls if not call.looks and not call.preview]

    def _setup(self, call: Call) -> dict[str, Any]:
        role = _ROLES[self.role] if self.joined else "Stand-alone workstation"
        facts: dict[str, dict[str, Any]] = {
            "windows_domain": {"windows_domain_member": self.joined, "windows_domain_role": role},
            "distribution": {"distribution_version": "10.0.22631.0", "os_product_type": self.role},
        }
        asked = [subset for subset in call.args["gather_subset"] if not subset.startswith("!")]
        told = {name: fact for subset in asked for name, fact in facts[subset].items()}
        return {"ansible_facts": {f"ansible_{name}": fact for name, fact in told.items()}}

    def _win_whoami(self, call: Call) -> dict[str, Any]:
        return {"logon_type": self.logon, "groups": [{"sid": sid} for sid in self.groups]}

    def _win_reg_stat(self, call: Call) -> dict[str, Any]:
        path, name = call.args["path"], call.args.get("name")
        if name is None:
            return {"exists": "TriggerInfo" in path, "sub_keys": ["0"], "properties": {}}
        if path.endswith("WPDBusEnum"):
            return {"exists": True, "value": 4, "type": "REG_DWORD"}
        found = self.registry.get((path, name))
        return {"exists": found is not None, **({"value": found[1]} if found else {})}

    def _win_regedit(self, call: Call) -> dict[str, Any]:
        wanted = None if call.args.get("state") == "absent" else (call.args["type"], call.args["data"])
        at = call.args["path"], call.args["name"]
        changed = at not in self.registry or self.registry[at] != wanted
        if not call.preview:
            self.registry[at] = wanted
        return {"changed": changed}

    def _win_security_policy(self, call: Call) -> dict[str, Any]:
        assert call.args["section"] == "System Access"
        key, value = call.args["key"], call.args["value"]
        changed = self.security.get(key) != value
        if not call.preview:
            self.security[key] = value
        return {"changed": changed}

    def _win_user_right(self, call: Call) -> dict[str, Any]:
        name, wanted = call.args["name"], (call.args["action"], tuple(call.args["users"]))
        changed = self.rights.get(name) != wanted
        if not call.preview:
            self.rights[name] = wanted
        return {"changed": changed, "added": ["somebody"] if changed else [], "removed": []}

    def _win_service(self, call: Call) -> dict[str, Any]:
        if not call.preview:
            self.services[call.args["name"]] = f"{call.args.get('start_mode', '')} {call.args.get('state', '')}".strip()
        return {"changed": True}

    def _win_optional_feature(self, call: Call) -> dict[str, Any]:
        assert call.args["state"] == "absent"
        if not call.preview:
            self.removed.add(call.args["name"])
        return {"changed": True, "reboot_required": True}

    def _win_command(self, call: Call) -> dict[str, Any]:
        words = call.args["argv"]
        if words[:2] == ["net.exe", "accounts"]:
            keys = {"/lockoutthreshold": "LockoutBadCount", "/lockoutduration": "LockoutDuration",
                    "/lockoutwindow": "ResetLockoutCount"}  # fmt: skip
            self.security |= {keys[word.partition(":")[0]]: int(word.partition(":")[2]) for word in words[2:]}
        else:
            assert words[0] in ("sc.exe", "w32tm.exe")
        return {"changed": True, "rc": 0, "stdout": "", "stderr": ""}

    def _win_powershell(self, call: Call) -> dict[str, Any]:
        given = call.args.get("parameters") or {}
        if asks(call.args):
            features = not given
            return {"result": list(self.features) if features else self.policies, "output": []}
        if not call.preview:
            self._keep(given)
        return {"changed": True, "result": "", "output": []}

    def _keep(self, given: Mapping[str, Any]) -> None:
        match sorted(given):
            case ["Preferences", "Rules"]:
                self.preferences |= given["Preferences"]
                self.asr |= set(given["Rules"])
            case ["Decided", "Wanted"]:
                self.audit |= given["Wanted"]
            case ["Kilobytes"]:
                self.logs |= given["Kilobytes"]
            case ["Closing", "Settings"]:
                self.profiles |= given["Settings"]
                self.closing.append(given["Closing"])
            case []:
                self.signing = True


def sent(stdin: bytes) -> Call:
    """Take apart what Ansible writes to its wrapper: a module and its arguments."""
    _, _, manifest = stdin.partition(_END_OF_WRAPPER)
    params = json.loads(manifest)["actions"][-1]["params"]
    (args,) = [one["Value"] for one in params["Variables"] if one["Name"] == "complex_args"]
    return Call(args["_ansible_module_name"].rpartition(".")[2], args)


def asks(args: Mapping[str, Any]) -> bool:
    """Say whether a script of a playbook only asks: for group policies, or for features."""
    given = args.get("parameters") or {}
    return "Policies" in given or (not given and re.search(r"\bSet-\w", args["script"]) is None)
