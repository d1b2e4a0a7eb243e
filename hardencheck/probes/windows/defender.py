"""How Microsoft Defender Antivirus is set up: tamper protection, the cloud, unwanted apps, dangerous sites, attack
surface reduction, exclusions.

Reads: MSFT_MpComputerStatus and MSFT_MpPreference (what Get-MpComputerStatus and Get-MpPreference show: what group
policy, device management and the host's own settings make together), the products registered in root/SecurityCenter2,
the services. https://learn.microsoft.com/powershell/module/defender/set-mppreference
Needs: administrator rights for the exclusions, those of attack surface reduction among them; a policy may hide them
from administrators, too.
Absent when: the classes do not answer. Where Microsoft Defender Antivirus has stepped back for another product, or is
not installed, its settings mean nothing: not applicable, and windows.antivirus tells what protects the host.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe, WindowsSystem
from hardencheck.probes.powershell import as_bool, as_int, as_list, read
from hardencheck.probes.windows import defender_exclusions, defender_preference, defender_status, services
from hardencheck.probes.windows.settings import Facts

SCRIPT = defender_preference.script(
    r"""
    maps = $one.MAPSReporting; samples = $one.SubmitSamplesConsent; firstsight = $one.DisableBlockAtFirstSeen
    downloads = $one.DisableIOAVProtection; unwanted = $one.PUAProtection
    network = $one.EnableNetworkProtection; server = $one.AllowNetworkProtectionOnWinServer
    old = $one.AllowNetworkProtectionDownLevel
    spared = [object[]]@($one.AttackSurfaceReductionOnlyExclusions | Select-Object -First 500 |
      ForEach-Object { [string]$_ })
    sparing = [object[]]@($one.AttackSurfaceReductionRules_RuleSpecificExclusions_Id | ForEach-Object { [string]$_ })
    sparings = [object[]]@($one.AttackSurfaceReductionRules_RuleSpecificExclusions | ForEach-Object { [string]$_ })
    paths = [object[]]@($one.ExclusionPath | Select-Object -First 500 | ForEach-Object { [string]$_ })
    extensions = [object[]]@($one.ExclusionExtension | Select-Object -First 500 | ForEach-Object { [string]$_ })
    processes = [object[]]@($one.ExclusionProcess | Select-Object -First 500 | ForEach-Object { [string]$_ })
    counts = [object[]]@(@($one.ExclusionPath).Count, @($one.ExclusionExtension).Count,
      @($one.ExclusionProcess).Count, @($one.AttackSurfaceReductionOnlyExclusions).Count)
"""
)

PARAMETERS: dict[str, JsonSchema] = {
    "windows_antivirus_services": services.PATTERNS,
    "windows_asr_rules": {
        "type": "array",
        "items": {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"},
    },
}
_NAMES: JsonSchema = {"type": "array", "items": {"type": "string"}}
_MODE: JsonSchema = {"enum": ["block", "audit", "off"]}
FACTS: dict[str, JsonSchema] = {
    "active": {"type": "boolean"},
    "tamper_protected": {"type": "boolean"},
    "asks_cloud": {"type": "boolean"},
    "sends_samples": {"type": "boolean"},
    "unwanted_apps": _MODE,
    "network_protection": _MODE,
    "asr_rules_not_blocking": _NAMES,
    "broad_exclusions": _NAMES,
}

#: 1 blocks, 2 watches; 0 is off, and so is what says nothing
_MODES = {0: "off", 1: "block", 2: "audit"}
_BLOCK = 1
#: what network protection needs beside its own setting, and where; the second on Server 2012 R2 and 2016
_LEAVES: Mapping[str, Callable[[WindowsSystem], bool]] = {
    "server": lambda system: system.role != "workstation",
    "old": lambda system: system.role not in ("workstation", None) and (system.build or 0) < 17763,
}
_NAMES_OF = {"server": "AllowNetworkProtectionOnWinServer", "old": "AllowNetworkProtectionDownLevel"}
#: between the places that one rule leaves out
_BETWEEN = re.compile(r"[|>;]")
_ACTIONS = {0: "off", 1: "block", 2: "audit", 5: "not set", 6: "warn"}
_HIDDEN = "n/a"
_LISTS = ("paths", "extensions", "processes")
_SHOWN = 20


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the settings of Microsoft Defender Antivirus."""
    section, system = read(capture), context.system.windows
    own = defender_preference.in_charge(section, context)
    if isinstance(own, Observation):
        return own
    facts = Facts()
    why = f"{defender_status.NAME}: {own.why}"
    _put(facts, "active", own.active, own.text, why)
    source = "MSFT_MpComputerStatus: IsTamperProtected"
    _put(facts, "tamper_protected", own.tamper, source, own.why or "IsTamperProtected is not told")
    told = defender_preference.told(section, facts, FACTS)
    if told is not None:
        _settings(facts, told)
        _network(facts, told, system)
        _asr(facts, told, context.values.get("windows_asr_rules", ()))
        _exclusions(facts, told)
    return facts.observation()


def _put(facts: Facts, name: str, value: Any, source: str, why: str) -> None:
    if value is None:
        facts.lack(name, why)
    else:
        facts.put(name, value, source)


def _settings(facts: Facts, told: Mapping[str, Any]) -> None:
    maps, samples = as_int(told.get("maps")), as_int(told.get("samples"))
    not_asking = as_bool(told.get("firstsight"))
    # what is not looked at while it is downloaded is not asked about either
    blind = as_bool(told.get("downloads")) is True
    asks = None if maps is None or not_asking is None else maps in (1, 2) and not not_asking and not blind
    where = "MSFT_MpPreference"
    source = f"{where}: MAPSReporting {maps}, DisableBlockAtFirstSeen {not_asking}"
    source += ", DisableIOAVProtection True" if blind else ""
    _put(facts, "asks_cloud", asks, source, "MAPSReporting or DisableBlockAtFirstSeen is not told")
    # 0 asks the user first and 2 never sends; 1 sends what holds no personal data, 3 everything
    sends = None if samples is None else samples in (1, 3)
    _put(facts, "sends_samples", sends, f"{where}: SubmitSamplesConsent {samples}", "SubmitSamplesConsent is not told")
    unwanted = as_int(told.get("unwanted"))
    mode = None if unwanted is None else _MODES.get(unwanted)
    _put(facts, "unwanted_apps", mode, f"{where}: PUAProtection {unwanted}", f"PUAProtection {unwanted} is not known")


def _network(facts: Facts, told: Mapping[str, Any], system: WindowsSystem) -> None:
    """Put what network protection does: it needs the cloud, and on servers the leave of one or two more settings."""
    number = as_int(told.get("network"))
    mode = None if number is None else _MODES.get(number)
    source, why = (
        f"MSFT_MpPreference: EnableNetworkProtection {number}",
        f"EnableNetworkProtection {number} is not known",
    )
    for name, needed in _LEAVES.items():
        if mode in (None, "off") or not needed(system):
            continue
        given = as_bool(told.get(name))
        source = f"{source}, {_NAMES_OF[name]} {given}"
        if None in (system.role, system.build) and given is not True:
            mode, why = None, "whether this is a server is not known, or which"
        elif given is None:
            mode, why = None, f"{_NAMES_OF[name]} is not told"
        elif not given:
            mode = "off"
    if mode not in (None, "off") and as_int(told.get("maps")) == 0:
        mode, source = "off", f"{source}, MAPSReporting 0: without the cloud it has nothing to ask"
    _put(facts, "network_protection", mode, source, why)


def _asr(facts: Facts, told: Mapping[str, Any], wanted: Sequence[str]) -> None:
    ids = [str(one).lower().strip("{}") for one in as_list(told.get("ids"))]
    actions = [as_int(one) for one in as_list(told.get("actions"))]
    if len(ids) != len(actions) or None in actions or any(one.startswith(_HIDDEN) for one in ids):
        facts.lack("asr_rules_not_blocking", "the rules and their actions do not belong together")
        return
    bad, found = [], set()
    for one, action in zip(ids, actions, strict=True):
        if one in wanted and action != _BLOCK:
            bad.append(f"{one}: {_ACTIONS.get(action or 0, f'action {action}')}")
        found.add(one)
    bad += [f"{one}: not set" for one in wanted if one not in found]
    spared, unseen = _spared(told, wanted)
    if unseen and not bad and not spared:
        facts.lack("asr_rules_not_blocking", unseen)
    else:
        bad = [*sorted(bad, key=lambda text: wanted.index(text.partition(":")[0])), *spared]
        facts.put("asr_rules_not_blocking", bad[:_SHOWN], f"MSFT_MpPreference: {len(ids)} rules are set")


def _spared(told: Mapping[str, Any], wanted: Sequence[str]) -> tuple[list[str], str]:
    """Return the broad places that the rules leave out, and why others may not have been seen ("" when none)."""
    texts = [str(one) for one in as_list(told.get("spared")) if one]
    shown = [one for one in texts if not one.lower().startswith(_HIDDEN)]
    found = [f"every rule: not in {one}" for one in shown if defender_exclusions.broad([one], (), ())]
    ids = [str(one).lower().strip("{}") for one in as_list(told.get("sparing"))]
    for rule, paths in zip(ids, as_list(told.get("sparings")), strict=False):
        places = [one.strip() for one in _BETWEEN.split(str(paths)) if one.strip()]
        broad = [one for one in places if rule in wanted and defender_exclusions.broad([one], (), ())]
        found += [f"{rule}: not in {one}" for one in broad]
    counts = [as_int(one) for one in as_list(told.get("counts"))]
    cut = len(counts) > len(_LISTS) and (counts[len(_LISTS)] or 0) > max(len(texts), 1)
    unseen = "the host hides what attack surface reduction leaves out" if shown != texts else ""
    return sorted(found), unseen or ("not all that attack surface reduction leaves out was sent" if cut else "")


def _exclusions(facts: Facts, told: Mapping[str, Any]) -> None:
    lists = [[str(one) for one in as_list(told.get(name)) if one] for name in _LISTS]
    counts = [as_int(one) for one in as_list(told.get("counts"))]
    shown = [[one for one in texts if not one.lower().startswith(_HIDDEN)] for texts in lists]
    found = defender_exclusions.broad(*shown)
    hidden = shown != lists
    # an empty property counts as one that holds nothing
    cut = len(counts) < len(lists) or any(
        count is None or count > max(len(texts), 1) for count, texts in zip(counts, lists, strict=False)
    )
    if (hidden or cut) and not found:
        facts.lack("broad_exclusions", "the host hides its exclusions" if hidden else "not all exclusions were sent")
    else:
        total = sum(len(texts) for texts in shown)
        facts.put("broad_exclusions", found[:_SHOWN], f"MSFT_MpPreference: {total} exclusions")


PROBE = Probe(
    id="windows.defender",
    title="Settings of Microsoft Defender Antivirus",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    seconds=75,
    max_bytes=192 * 1024,
    parameters=PARAMETERS,
)
