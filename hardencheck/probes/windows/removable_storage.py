r"""Whether a user can carry data out on a USB disk, a phone or a disc, or bring programs in, and what decides it.

Three things can stop a USB disk, and each has holes of its own:

1. The policy "Removable Storage Access" (RemovableStorageDevices). It closes volumes on disks that can be unplugged,
   whichever driver serves them (bulk-only and UAS alike), and phones through their own two classes. The service
   WPDBusEnum enforces it: while that is disabled nothing is closed, Server Core does not have it, and while
   Control\Storage\HotplugSecureOpen is 0 (a known fault together with auditing) volumes open all the same. A policy
   that came after the disk holds from the next time that it is plugged in, or from a restart.
2. Device installation restrictions (see `device_installs`). They are a block alone only when they are retroactive:
   any disk that was plugged in before keeps working otherwise. They say nothing about memory cards.
3. Disabled drivers: USBSTOR serves bulk-only disks, UASPStor UAS disks. They are never a block alone: installing the
   driver for the next new disk sets Start back to 3, and a phone needs neither. They count together with restrictions
   that are not retroactive: these keep new disks out, and the disabled drivers those that are known.

"Deny write access to removable drives not protected by BitLocker" (RDVDenyWriteAccess) is a choice of its own: anybody
may encrypt a stick and write to it.

Not looked at, and never counted as a block: policies of single users, custom classes, WriteProtect below
StorageDevicePolicies, and products for data loss prevention, Defender's device control among them. Who relies on one of
these asks for a waiver and shows its proof.

Reads: the policy keys RemovableStorageDevices, DeviceInstall\Restrictions and (below SYSTEM) FVE; the services
WPDBusEnum, USBSTOR and UASPStor; Control\Storage; what device management asked for (PolicyManager).
https://learn.microsoft.com/windows/client-management/mdm/policy-csp-admx-removablestorage
https://learn.microsoft.com/troubleshoot/windows-server/group-policy/managing-removable-devices-gpo-troubleshooting
Needs: nothing.
Absent when: the registry refuses access, or a policy is set but nobody can say whether it is enforced.
"""

from __future__ import annotations

from dataclasses import dataclass

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import Item, Section, read
from hardencheck.probes.windows import device_installs
from hardencheck.probes.windows.device_installs import BULK_ONLY, KINDS, MTP, PTP, UAS, Kind, Restrictions, Verdict
from hardencheck.probes.windows.settings import Facts, Place, Setting, decide

_POLICY = r"SOFTWARE\Policies\Microsoft\Windows\RemovableStorageDevices"
#: classes of the policy: item, GUID. A phone is closed when both of its classes are.
_CLASSES = {
    "disks": "{53f5630d-b6bf-11d0-94f2-00a0c91efb8b}",
    "wpd": "{6AC27878-A6FA-4155-BA85-F98F491D4F33}",
    "wpd2": "{F33FDC04-D1AC-4E8E-9A30-19BBD4B108AE}",
    "discs": "{53f56308-b6bf-11d0-94f2-00a0c91efb8b}",
    "floppies": "{53f56311-b6bf-11d0-94f2-00a0c91efb8b}",
    "tapes": "{53f5630b-b6bf-11d0-94f2-00a0c91efb8b}",
}
_OTHER_MEDIA = {"discs": "CD and DVD", "floppies": "floppy disks", "tapes": "tapes"}

SCRIPT = (
    f"""
Registry 'all' '{_POLICY}' Deny_All
"""
    + "".join(
        f"Registry '{item}' '{_POLICY}\\{guid}' Deny_Read, Deny_Write, Deny_Execute\n"
        for item, guid in _CLASSES.items()
    )
    + device_installs.SCRIPT
    + r"""
Registry 'enforcer' 'SYSTEM\CurrentControlSet\Services\WPDBusEnum' Start
Registry 'usbstor' 'SYSTEM\CurrentControlSet\Services\USBSTOR' Start
Registry 'uaspstor' 'SYSTEM\CurrentControlSet\Services\UASPStor' Start
Registry 'storage' 'SYSTEM\CurrentControlSet\Control\Storage' HotplugSecureOpen, HotplugSecurityDescriptor
Registry 'fve' 'SYSTEM\CurrentControlSet\Policies\Microsoft\FVE' RDVDenyWriteAccess
Registry 'mdm_storage' 'SOFTWARE\Microsoft\PolicyManager\current\device\Storage' RemovableDiskDenyWriteAccess
Registry 'mdm_system' 'SOFTWARE\Microsoft\PolicyManager\current\device\System' AllowStorageCard
"""
)

_ACCESS: JsonSchema = {"enum": ["blocked", "approved_devices", "open"]}
_LIST: JsonSchema = {"type": "array", "items": {"type": "string"}}
FACTS: dict[str, JsonSchema] = {
    "usb_disk_write": {"enum": ["blocked", "approved_devices", "bitlocker", "open"]},
    "usb_disk_read": _ACCESS,
    "usb_disk_execute": _ACCESS,
    "phone_write": _ACCESS,
    "phone_read": _ACCESS,
    "other_media_writable": _LIST,
    "installable": _LIST,
    "install_exceptions": _LIST,
}

_DISABLED = 4
#: excepted devices that are shown; a list that is longer is not judged
_MOST = 200


@dataclass(frozen=True, slots=True)
class _Way:
    """What one way of blocking comes to: `state` as in the facts, "" when it cannot be told; `text` says why."""

    state: str
    text: str


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what can be done with removable storage; see the module for what counts as a block."""
    section = read(capture)
    rules = device_installs.restrictions(section)
    disks = _by_installs(section, rules, (BULK_ONLY, UAS))
    phones = _by_installs(section, rules, (MTP, PTP))
    facts = Facts()
    write = _combine(disks, _by_policy(section, ("disks",), ("Deny_Write",)))
    facts.add("usb_disk_write", _with_bitlocker(section, write))
    facts.add("usb_disk_read", _combine(disks, _by_policy(section, ("disks",), ("Deny_Read",))))
    execute = _by_policy(section, ("disks",), ("Deny_Execute", "Deny_Read"))
    facts.add("usb_disk_execute", _combine(disks, execute))
    for access, name in (("phone_write", "Deny_Write"), ("phone_read", "Deny_Read")):
        facts.add(access, _combine(phones, _by_policy(section, ("wpd", "wpd2"), (name,))))
    facts.add("other_media_writable", _other_media(section))
    _installs(facts, rules)
    return facts.observation()


def _combine(*ways: _Way) -> Setting:
    """Take the strongest way; one that could not be told matters when none is known to block."""
    order = ("blocked", "", "approved_devices", "open")
    best = min(ways, key=lambda way: order.index(way.state))
    if not best.state:
        return Setting(None, why=best.text)
    text = best.text if best.state != "open" else "; ".join(way.text for way in ways)
    return Setting(best.state, text)


def _with_bitlocker(section: Section, write: Setting) -> Setting:
    """Where writing is open, say whether BitLocker must protect what is written to."""
    if write.why or write.value != "open":
        return write
    only = decide(section, [Place("fve", "RDVDenyWriteAccess")], 0, "no need for BitLocker")
    if only.why:
        return only
    return Setting("bitlocker", only.source) if only.value == 1 else write


def _by_policy(section: Section, classes: tuple[str, ...], names: tuple[str, ...]) -> _Way:
    """Say what the access policy comes to for these classes, all of which must be closed by one of the values."""
    everything = decide(section, [Place("all", "Deny_All")], 0)
    if everything.why:
        return _Way("", everything.why)
    if everything.value == 1:
        return _enforced(section, everything.source, disks="disks" in classes)
    sources = []
    for item in classes:
        settings = [decide(section, [Place(item, name)], 0) for name in names]
        denied = next((one for one in settings if not one.why and one.value == 1), None)
        if denied is None:
            unreadable = next((one.why for one in settings if one.why), "")
            return _Way("", unreadable) if unreadable else _not_denied(section, item, names[0])
        sources.append(denied.source)
    return _enforced(section, "; ".join(sources), disks="disks" in classes)


def _not_denied(section: Section, item: str, name: str) -> _Way:
    """Say that the policy denies nothing, unless device management asked it to: then something is amiss."""
    wishes = [(Place("mdm_system", "AllowStorageCard", "mdm"), 0)]
    if (item, name) == ("disks", "Deny_Write"):
        wishes.append((Place("mdm_storage", "RemovableDiskDenyWriteAccess", "mdm"), 1))
    for place, denying in wishes:
        asked = decide(section, [place], "")
        if asked.why:
            return _Way("", asked.why)
        if asked.value == denying:
            return _Way("", f"{asked.source}, but HKLM\\{_POLICY}, which Windows enforces, does not say so")
    return _Way("open", f"HKLM\\{_POLICY}\\{_CLASSES[item]}\\{name} and Deny_All are not 1")


def _enforced(section: Section, source: str, *, disks: bool) -> _Way:
    """Say whether the service that enforces the access policy does so."""
    start = decide(section, [Place("enforcer", "Start", "local")], "")
    storage = section.key("storage")
    secure = decide(section, [Place("storage", "HotplugSecureOpen", "local")], 1)
    if start.why:
        return _Way("", start.why)
    if start.value == "":
        return _Way("", f"{source}, but the service WPDBusEnum, which enforces it, is not installed")
    if start.value == _DISABLED:
        if disks and (isinstance(storage, Item) or storage.get("HotplugSecurityDescriptor")):
            return _Way(
                "", f"{source}, but the service WPDBusEnum, which enforces it, is disabled; an older one may hold"
            )
        return _Way("open", f"{source}, but the service WPDBusEnum, which enforces it, is disabled")
    if disks and secure.why:
        return _Way("", secure.why)
    if disks and secure.value == 0:
        return _Way("", f"{source}, but {secure.source.partition(',')[0]} is 0: volumes may open all the same")
    return _Way("blocked", source)


def _by_installs(section: Section, rules: Restrictions, kinds: tuple[Kind, ...]) -> _Way:
    """Say what the installation restrictions, with disabled drivers, come to for a device of any of these kinds."""
    if rules.why:
        return _Way("", rules.why)
    ways = [_installed(section, kind, rules.verdict(kind)) for kind in kinds]
    state = next(state for state in ("open", "", "approved_devices", "blocked") if state in {way.state for way in ways})
    return _Way(state, "; ".join(dict.fromkeys(way.text for way in ways if way.state == state)))


def _installed(section: Section, kind: Kind, verdict: Verdict) -> _Way:
    """Say whether a device of one kind is installed, or starts because it was before."""
    if not verdict.denied:
        return _Way("open", f"{kind.name}: {verdict.source}{_drivers_alone(section, kind)}")
    text = verdict.source
    if not verdict.retroactive:
        driver = _driver_off(section, kind, verdict)
        if driver.state != "blocked":
            return _Way(driver.state, f"{text}, but {driver.text}")
        if verdict.exceptions:
            return _Way("open", f"{text}, but an approved device sets the disabled driver back to work")
        text = f"{text}; {driver.text}"
    if verdict.exceptions:
        return _Way("approved_devices", f"{text}, but for {', '.join(verdict.exceptions[:3])}")
    return _Way("blocked", text)


_DRIVERS = {BULK_ONLY: ("usbstor", "USBSTOR"), UAS: ("uaspstor", "UASPStor")}


def _driver_off(section: Section, kind: Kind, verdict: Verdict) -> _Way:
    """Say whether devices of this kind that are installed already are kept from starting, now and later."""
    if kind not in _DRIVERS or not verdict.driver_kept:
        return _Way("open", "devices that were installed before keep working (it is not retroactive)")
    item, name = _DRIVERS[kind]
    start = decide(section, [Place(item, "Start", "local")], "")
    if start.why:
        return _Way("", start.why)
    if start.value == "":
        return _Way("blocked", f"the driver {name} is not installed")
    if start.value == _DISABLED:
        return _Way("blocked", f"the driver {name} is disabled")
    return _Way("open", f"it is not retroactive, and the driver {name} starts disks that were installed before")


def _drivers_alone(section: Section, kind: Kind) -> str:
    if kind not in _DRIVERS:
        return ""
    item, name = _DRIVERS[kind]
    start = decide(section, [Place(item, "Start", "local")], "")
    if start.value != _DISABLED:
        return ""
    return f"; {name} is disabled, which serves one kind of disk and ends with the next new one"


def _other_media(section: Section) -> Setting:
    """Return the kinds of media besides USB disks and phones that can be written to."""
    writable, unknown, sources = [], "", []
    for item, name in _OTHER_MEDIA.items():
        way = _by_policy(section, (item,), ("Deny_Write",))
        if way.state == "open":
            writable.append(name)
        elif not way.state:
            unknown = way.text
        sources.append(way.text)
    if unknown and not writable:
        return Setting(None, why=unknown)
    return Setting(writable, "; ".join(dict.fromkeys(sources)))


def _installs(facts: Facts, rules: Restrictions) -> None:
    """Note which kinds of storage a new device may be installed as, and the devices that are excepted."""
    if rules.why:
        facts.lack("installable", rules.why)
        facts.lack("install_exceptions", rules.why)
        return
    verdicts = {kind.name: rules.verdict(kind) for kind in KINDS}
    source = "; ".join(dict.fromkeys(verdict.source for verdict in verdicts.values()))
    facts.put("installable", [name for name, verdict in verdicts.items() if not verdict.denied], source)
    exceptions = sorted({one for verdict in verdicts.values() for one in verdict.exceptions})
    if len(exceptions) > _MOST:
        facts.lack(
            "install_exceptions", f"{len(exceptions)} devices are excepted, more than the {_MOST} that are shown"
        )
    else:
        facts.put("install_exceptions", exceptions, source)


PROBE = Probe(
    id="windows.removable_storage",
    title="USB disks, phones and other removable storage",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=64 * 1024,
)
