"""Which storage devices Windows would install: the device installation restrictions, as Plug and Play evaluates them.

- A list counts only when its switch (a DWORD of the same name) is 1.
- Without layers any denial wins over any permission. With them (AllowDenyLayered) a permission wins that is more
  specific: instance ID, then hardware or compatible ID, then setup class, then "removable"; and the denial of devices
  that no policy describes (DenyUnspecified) is not enforced at all.
- What is installed already keeps working, unless the denial of IDs or classes is retroactive. "Removable" and
  DenyUnspecified cannot be.
- The compatible ID of every mass storage interface is USB\\Class_08. The driver for bulk-only disks is of the class
  USB, that for UAS disks of the class SCSIAdapter: a denial of the class USB lets UAS disks in. A denial of the class
  DiskDrive meets the disk behind the driver, which is installed (and enabled) first.

https://learn.microsoft.com/windows/client-management/client-tools/manage-device-installation-with-group-policy
https://learn.microsoft.com/windows/client-management/mdm/policy-csp-deviceinstallation
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hardencheck.probes.powershell import Item, Section
from hardencheck.probes.windows.settings import TEXT, Place, writer

RESTRICTIONS = r"SOFTWARE\Policies\Microsoft\Windows\DeviceInstall\Restrictions"
LISTS = ("DenyDeviceIDs", "DenyDeviceClasses", "AllowDeviceIDs", "AllowDeviceClasses", "AllowInstanceIDs")
_SWITCHES = (*LISTS, "DenyDeviceIDsRetroactive", "DenyDeviceClassesRetroactive", "DenyRemovableDevices",
             "DenyUnspecified", "AllowDenyLayered")  # fmt: skip

#: reads what `Restrictions` needs
SCRIPT = f"""
Registry 'restrictions' '{RESTRICTIONS}' '*'
""" + "".join(f"Registry '{name}' '{RESTRICTIONS}\\{name}' '*'\n" for name in LISTS)

_DISKS = "{4d36e967-e325-11ce-bfc1-08002be10318}"
_USB = "{36fc9e60-c465-11cf-8056-444553540000}"
_SCSI_ADAPTERS = "{4d36e97b-e325-11ce-bfc1-08002be10318}"
_PORTABLE = "{eec5ad98-8080-425f-922a-dabf3de3f69a}"
#: what lets no storage in, by its beginning: hardware IDs of buses, hubs, keyboards and mice, and the setup classes of
#: input, displays, sound, cameras, printers, networks, ports, smart cards, fingerprints, batteries, the system's own
#: devices and parts of drivers
_HARMLESS = (
    "acpi\\", "pci\\", "pnp0ca1", "hid\\", "hid_device", "usb\\root_hub", "usb\\usb20_hub", "usb\\usb30_hub",
    "usb\\class_03", "usb\\class_09", "{4d36e96b-", "{4d36e96f-", "{745a17a0-", "{4d36e968-", "{4d36e96e-",
    "{4d36e96c-", "{c166523c-", "{ca3e7ab9-", "{4d36e979-", "{1ed2bbf9-", "{4d36e972-", "{4d36e978-", "{50dd5230-",
    "{53d29ef7-", "{72631e54-", "{4d36e97d-", "{4d36e966-", "{50127dc3-", "{d94ee5d8-", "{f2e7dd72-", "{5c4c3332-",
    "{e2f84ce7-",
)  # fmt: skip
_INSTANCE, _ID, _CLASS, _REMOVABLE = 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of removable storage: the compatible IDs that all of its devices have, and the classes they are of.

    `related` are compatible IDs that some of its devices have.
    """

    name: str
    ids: frozenset[str]
    classes: frozenset[str]
    related: frozenset[str] = frozenset()


BULK_ONLY = Kind(
    "USB disk (bulk-only)",
    frozenset({"usb\\class_08"}),
    frozenset({_USB, _DISKS}),
    frozenset({"usb\\class_08&subclass_06", "usb\\class_08&subclass_06&prot_50", "usbstor\\disk", "gendisk"}),
)
UAS = Kind(
    "USB disk (UAS)",
    frozenset({"usb\\class_08", "usb\\class_08&subclass_06", "usb\\class_08&subclass_06&prot_62"}),
    frozenset({_SCSI_ADAPTERS, _DISKS}),
    frozenset({"scsi\\disk", "gendisk"}),
)
MTP = Kind("phone or camera (MTP)", frozenset({"usb\\ms_comp_mtp"}), frozenset({_PORTABLE}))
PTP = Kind(
    "phone or camera (PTP)",
    frozenset({"usb\\class_06", "usb\\class_06&subclass_01", "usb\\class_06&subclass_01&prot_01"}),
    frozenset({_PORTABLE}),
)
KINDS = (BULK_ONLY, UAS, MTP, PTP)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to devices of one kind.

    `denied`: new ones are not installed, but for `exceptions` (IDs and classes that a stronger policy allows and that
    may be storage). `retroactive`: those that are installed already do not start either. `driver_kept`: their driver
    is not installed anew, so that it stays disabled if it is. `source` says what decides.
    """

    denied: bool
    retroactive: bool = False
    driver_kept: bool = False
    exceptions: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class Restrictions:
    """The restrictions of one host; `why` is not "" when they could not be read.

    `switches` maps what is on to who set it, `lists` each list to its entries in lower case.
    """

    switches: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    why: str = ""

    def verdict(self, kind: Kind) -> Verdict:
        """Say what happens to a device of this kind that is plugged in."""
        layered = "AllowDenyLayered" in self.switches
        hits = (
            (_ID, "DenyDeviceIDs", kind.ids.intersection(self.lists["DenyDeviceIDs"])),
            (_CLASS, "DenyDeviceClasses", kind.classes.intersection(self.lists["DenyDeviceClasses"])),
        )
        found = {level: (name, min(hit)) for level, name, hit in hits if hit}
        # a device that is there already is judged by the denials that are retroactive, a new one by all of them
        lasting = [level for level, (name, _) in found.items() if f"{name}Retroactive" in self.switches]
        if "DenyRemovableDevices" in self.switches:
            found[_REMOVABLE] = ("DenyRemovableDevices", "")
        if found:
            name, what = found[min(found)]
            weakest = max(min(found), min(lasting, default=0))
            allowing = self._allowing(weakest if layered else 0)
        elif "DenyUnspecified" in self.switches and not layered:
            name, what, allowing = "DenyUnspecified", "", self._allowing(_REMOVABLE)
        else:
            return Verdict(denied=False, source=self._silence())
        source = f"HKLM\\{RESTRICTIONS}\\{name}{f' ({what})' if what else ''}, {self.switches[name]}"
        general = kind.ids | kind.classes | kind.related
        if opened := sorted(general.intersection(allowing)):
            return Verdict(denied=False, source=f"{source}, overruled by the permission for {opened[0]}")
        exceptions = tuple(sorted(one for one in allowing if not one.startswith(_HARMLESS)))
        kept = what != _DISKS or "DenyRemovableDevices" in self.switches
        return Verdict(True, bool(lasting), kept, exceptions, source)

    def _allowing(self, level: int) -> list[str]:
        """Return what is allowed by policies that are more specific than this level."""
        levels = ((_INSTANCE, "AllowInstanceIDs"), (_ID, "AllowDeviceIDs"), (_CLASS, "AllowDeviceClasses"))
        return [one.strip() for stronger, name in levels if stronger < level for one in self.lists[name]]

    def _silence(self) -> str:
        if "DenyUnspecified" in self.switches:
            return f"HKLM\\{RESTRICTIONS}\\DenyUnspecified is not enforced together with AllowDenyLayered"
        return f"HKLM\\{RESTRICTIONS} denies none of them"


def restrictions(section: Section) -> Restrictions:
    """Return the restrictions that a section with `SCRIPT` holds."""
    key = section.key("restrictions")
    if isinstance(key, Item):
        return Restrictions(why=key.trouble)
    switches = {}
    for name in _SWITCHES:
        value = key.get(name)
        if value and (value.kind != "DWord" or value.data is None):
            return Restrictions(why=f"HKLM\\{RESTRICTIONS}\\{name} has the type {value.kind}, expected REG_DWORD")
        if value and value.data == 1:
            switches[name] = writer(Place("restrictions", name), key, value)
    lists: dict[str, tuple[str, ...]] = {}
    for name in LISTS:
        entries = section.key(name)
        if isinstance(entries, Item):
            return Restrictions(why=entries.trouble)
        if odd := next((value.kind for value in entries.values.values() if value.kind not in TEXT), ""):
            return Restrictions(why=f"HKLM\\{entries.path} holds a value of the type {odd}, expected a text")
        # Windows compares whole texts: a blank at the end makes an entry match nothing
        texts = tuple(str(value.data or "").lower() for value in entries.values.values())
        lists[name] = texts if name in switches else ()
    return Restrictions(switches, lists)
