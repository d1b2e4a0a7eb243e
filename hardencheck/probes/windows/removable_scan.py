r"""What Microsoft Defender does about removable drives: whether scans go there, and whether programs run from there.

Full scans leave removable drives out unless they are told otherwise. The rule of attack surface reduction for USB
(b2b3f03d-6a65-4f7b-a9c7-1c7ef74a9ba4) blocks programs that are unsigned and not trusted; it is enforced only while
Microsoft Defender Antivirus is the scanner in charge and its real-time protection is on.

Reads: MSFT_MpPreference (what Get-MpPreference shows: what group policy, device management and the host's own settings
make together) and MSFT_MpComputerStatus; the products registered in root/SecurityCenter2 on workstations, the services.
https://learn.microsoft.com/powershell/module/defender/set-mppreference
https://learn.microsoft.com/defender-endpoint/enable-attack-surface-reduction
Needs: administrator rights.
Absent when: the classes do not answer. Where Microsoft Defender Antivirus has stepped back for another product, or is
not installed, its settings mean nothing: not applicable, and windows.antivirus tells what protects the host.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import as_bool, as_int, as_list, read
from hardencheck.probes.windows import defender_preference, defender_status, services
from hardencheck.probes.windows.defender_status import Defender
from hardencheck.probes.windows.settings import Facts, Setting

SCRIPT = defender_preference.script("removable = $one.DisableRemovableDriveScanning")

PARAMETERS: dict[str, JsonSchema] = {"windows_antivirus_services": services.PATTERNS}
FACTS: dict[str, JsonSchema] = {
    "removable_drives_scanned": {"type": "boolean"},
    "usb_programs": {"enum": ["block", "warn", "audit", "off"]},
}
_RULE = "b2b3f03d-6a65-4f7b-a9c7-1c7ef74a9ba4"
#: 5 is "not configured"
_ACTIONS = {0: "off", 1: "block", 2: "audit", 5: "off", 6: "warn"}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield whether full scans read removable drives, and what happens to untrusted programs on them."""
    section, facts = read(capture), Facts()
    own = defender_preference.in_charge(section, context)
    if isinstance(own, Observation):
        return own
    told = defender_preference.told(section, facts, FACTS)
    if told is not None:
        facts.add("removable_drives_scanned", _scanned(told, own))
        facts.add("usb_programs", _usb_rule(told, own))
    return facts.observation()


def _scanned(told: Mapping[str, Any], own: Defender) -> Setting:
    left_out = as_bool(told.get("removable"))
    if left_out is None:
        return Setting(None, why="DisableRemovableDriveScanning is not told")
    source = f"MSFT_MpPreference: DisableRemovableDriveScanning {left_out}"
    return Setting(False, source) if left_out else _while_active(True, False, source, own)


def _usb_rule(told: Mapping[str, Any], own: Defender) -> Setting:
    ids = [str(one).strip().lower().strip("{}") for one in as_list(told.get("ids"))]
    actions = [as_int(one) for one in as_list(told.get("actions"))]
    if len(ids) != len(actions):
        return Setting(None, why="the rules and their actions do not belong together")
    set_to = [action for one, action in zip(ids, actions, strict=True) if one == _RULE]
    if not set_to:
        return Setting("off", f"MSFT_MpPreference: the rule is not among the {len([one for one in ids if one])} set")
    states = {_ACTIONS.get(-1 if action is None else action, "") for action in set_to}
    state = states.pop()
    if states or not state:
        return Setting(None, why=f"the rule has an action that is not known ({set_to})")
    source = f"MSFT_MpPreference: the action of the rule is {set_to[0]}"
    return Setting(state, source) if state == "off" else _while_active(state, "off", source, own)


def _while_active(value: Any, otherwise: Any, source: str, own: Defender) -> Setting:
    """Return what is set where Microsoft Defender Antivirus is at work, and what holds where it is not."""
    if own.active is None:
        return Setting(None, why=f"{defender_status.NAME}: {own.why}")
    if not own.active:
        return Setting(otherwise, f"{source}, but {defender_status.NAME} is not at work ({own.text})")
    return Setting(value, source)


PROBE = Probe(
    id="windows.removable_scan",
    title="Microsoft Defender and removable drives",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=75,
    max_bytes=128 * 1024,
    parameters=PARAMETERS,
)
