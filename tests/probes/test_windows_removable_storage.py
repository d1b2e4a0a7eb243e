"""What counts as a block of removable storage on Windows, and each half measure that does not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.probe import Context, System
from hardencheck.probes.windows.removable_storage import PROBE
from tests.probes.cases import REFUSED, compose_windows

ITEMS = [line.split("'")[1] for line in PROBE.script.splitlines() if line.startswith("Registry")]
CONTEXT = Context(now=datetime(2026, 11, 22, tzinfo=UTC), system=System(distribution="windows"))
FRESH: dict[str, Any] = {"enforcer": {"Start": 3}, "usbstor": {"Start": 3}, "uaspstor": {"Start": 3}, "storage": {}}
WRITES = {"disks": {"Deny_Write": 1}}
DRIVERS_OFF = {"usbstor": {"Start": 4}, "uaspstor": {"Start": 4}}
USB, DISKS = "{36fc9e60-c465-11cf-8056-444553540000}", "{4d36e967-e325-11ce-bfc1-08002be10318}"


def observe(values: dict[str, Any], refused: tuple[str, ...] = ()) -> Observation:
    """Judge a host on which these keys hold these values; None for a key that is absent."""
    merged = {**FRESH, **values}
    registry = {
        item: {"path": item, "values": merged[item]} if merged.get(item) is not None else item
        for item in ITEMS
        if item not in refused
    }
    section = compose_windows({"registry": registry, "errors": dict.fromkeys(refused, REFUSED)})
    return PROBE.parse(Capture(PROBE.id, section, b"", 0), CONTEXT)


def denied(*entries: str, by: str = "DenyDeviceIDs", **switches: Any) -> dict[str, Any]:
    """Return a denial by a list, which is on."""
    return {"restrictions": {by: 1, **switches}, by: {str(n): entry for n, entry in enumerate(entries, 1)}}


RETRO: dict[str, Any] = {"DenyDeviceIDsRetroactive": 1}
RETRO_CLASSES: dict[str, Any] = {"DenyDeviceClassesRetroactive": 1}
BLOCKS: dict[str, dict[str, Any]] = {
    "the policy of the class": WRITES,
    "the policy of all classes": {"all": {"Deny_All": 1}},
    "the policy of all classes, though the class says 0": {"all": {"Deny_All": 1}, "disks": {"Deny_Write": 0}},
    "the service runs from the start": {**WRITES, "enforcer": {"Start": 2}},
    "auditing that does not disturb": {**WRITES, "storage": {"HotplugSecureOpen": 1}},
    "all mass storage, retroactive": denied("USB\\Class_08", **RETRO),
    "disk drives, retroactive": denied(DISKS.upper(), by="DenyDeviceClasses", **RETRO_CLASSES),
    "no new mass storage, and no driver for known disks": {**denied("USB\\Class_08"), **DRIVERS_OFF},
    "no new removable devices, and no driver yet": {
        "restrictions": {"DenyRemovableDevices": 1}, "usbstor": None, "uaspstor": None},
    "nothing that is not described, and no drivers": {"restrictions": {"DenyUnspecified": 1}, **DRIVERS_OFF},
    "a host controller is allowed in layers": {
        **denied("USB\\Class_08", by="DenyDeviceIDs", AllowDenyLayered=1, AllowDeviceIDs=1, **RETRO),
        "AllowDeviceIDs": {"1": "PCI\\CC_0C03"}},
    "names in other letters": {"disks": {"DENY_WRITE": 1}},
    "device management's AllowStorageCard, as WPDBusEnum wrote it into the policy": {
        "all": {"Deny_All": 1, "MDMRegSet": 1, "RebootTimeinSeconds": 300}, "mdm_system": {"AllowStorageCard": 0}},
    "printers, networks, scanners of fingers and a controller's ACPI ID may come in, and nothing else": {
        "restrictions": {"DenyUnspecified": 1, "AllowDeviceClasses": 1, "AllowDeviceIDs": 1}, **DRIVERS_OFF,
        "AllowDeviceClasses": {
            "1": "{4D36E979-e325-11ce-bfc1-08002be10318}", "2": "{4d36e972-e325-11ce-bfc1-08002be10318}",
            "3": "{53D29EF7-377C-4D14-864B-EB3A85769359}", "4": "{50dd5230-ba8a-11d1-bf5d-0000f805f530}"},
        "AllowDeviceIDs": {"1": "PNP0CA1", "2": "PNP0CA1&HOST", "3": "USB\\ROOT_HUB30", "4": "PCI\\VEN_8086"}},
    "without layers a permission changes nothing": {
        **denied("USB\\Class_08", AllowInstanceIDs=1, **RETRO), "AllowInstanceIDs": {"1": "USB\\VID_1&PID_2\\A"}},
}  # fmt: skip
HALF_MEASURES: dict[str, dict[str, Any]] = {
    "USBSTOR alone is disabled": {"usbstor": {"Start": 4}},
    "both drivers are disabled, but the next new disk enables them": DRIVERS_OFF,
    "both drivers are not there yet": {"usbstor": None, "uaspstor": None},
    "reading only is denied": {"disks": {"Deny_Execute": 1}},
    "phones only are denied": {"wpd": {"Deny_Write": 1}, "wpd2": {"Deny_Write": 1}},
    "the service that enforces it is disabled": {**WRITES, "enforcer": {"Start": 4}},
    "no new mass storage, but known sticks work": denied("USB\\Class_08"),
    "no new removable devices, but known sticks work": {"restrictions": {"DenyRemovableDevices": 1}},
    "no new removable devices, and only one of two drivers is off": {
        "restrictions": {"DenyRemovableDevices": 1}, "usbstor": {"Start": 4}},
    "the list is not switched on": {
        "restrictions": {"DenyDeviceIDsRetroactive": 1}, "DenyDeviceIDs": {"1": "USB\\Class_08"}},
    "the switch is on and the list is empty": {"restrictions": {"DenyDeviceIDs": 1, **RETRO}},
    "bulk-only disks alone": denied("USB\\Class_08&SubClass_06&Prot_50", **RETRO),
    "a blank makes the entry match nothing": denied("USB\\Class_08 ", **RETRO),
    "the class USB lets UAS disks in": denied(USB, by="DenyDeviceClasses", **RETRO_CLASSES),
    "disk drives, not retroactive: the driver is installed anew": {
        **denied(DISKS, by="DenyDeviceClasses"), **DRIVERS_OFF},
    "layers switch the denial of the rest off": {
        "restrictions": {"DenyUnspecified": 1, "AllowDenyLayered": 1}, **DRIVERS_OFF},
    "mass storage is among what is described": {
        "restrictions": {"DenyUnspecified": 1, "AllowDeviceIDs": 1}, "AllowDeviceIDs": {"1": "USB\\Class_08"},
        **DRIVERS_OFF},
    "an approved stick enables the driver again": {
        **denied("USB\\Class_08", AllowDenyLayered=1, AllowInstanceIDs=1),
        "AllowInstanceIDs": {"1": "USB\\VID_1&PID_2\\A"}, **DRIVERS_OFF},
    "in layers the class USB is allowed again": {
        "restrictions": {"DenyRemovableDevices": 1, "AllowDenyLayered": 1, "AllowDeviceClasses": 1},
        "AllowDeviceClasses": {"1": USB}, **DRIVERS_OFF},
    "the denial says 2, which nobody documents": {"disks": {"Deny_Write": 2}, "all": {"Deny_All": 0}},
    "a class without braces matches nothing": denied(DISKS.strip("{}"), by="DenyDeviceClasses", **RETRO_CLASSES),
    "new disks are denied, and what may come in besides is not known to be harmless": {
        "restrictions": {"DenyUnspecified": 1, "AllowDeviceIDs": 1}, **DRIVERS_OFF,
        "AllowDeviceIDs": {"1": "USB\\COMPOSITE"}},
    "only removable devices are denied, and in layers all of the class of disks is allowed": {
        "restrictions": {"DenyRemovableDevices": 1, "AllowDenyLayered": 1, "AllowDeviceClasses": 1},
        "AllowDeviceClasses": {"1": DISKS}, **DRIVERS_OFF},
    "WriteProtect is not known to hold": {"storage": {"WriteProtect": 1}},
}  # fmt: skip
UNKNOWN: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "nobody there to enforce it": ({**WRITES, "enforcer": None}, ()),
    "volumes open in spite of it": ({**WRITES, "storage": {"HotplugSecureOpen": 0}}, ()),
    "an older block may still hold": (
        {**WRITES, "enforcer": {"Start": 4}, "storage": {"HotplugSecurityDescriptor": {"k": "Binary", "v": "01-00"}}},
        (),
    ),
    "device management asked, the policy is not there": ({"mdm_storage": {"RemovableDiskDenyWriteAccess": 1}}, ()),
    "device management forbids storage cards": ({"mdm_system": {"AllowStorageCard": 0}}, ()),
    "the value is a text": ({"disks": {"Deny_Write": "1"}}, ()),
    "a permission of another type": ({**denied("USB\\Class_08", **RETRO), "AllowInstanceIDs": {"1": 7}}, ()),
    "the policy cannot be read": ({}, ("all",)),
    "the restrictions cannot be read": ({}, ("restrictions",)),
    "BitLocker's policy cannot be read": ({}, ("fve",)),
    "the driver's state cannot be read": ({**denied("USB\\Class_08"), **DRIVERS_OFF}, ("uaspstor",)),
}


@pytest.mark.parametrize("values", BLOCKS.values(), ids=BLOCKS)
def test_a_block_is_seen(values: dict[str, Any]) -> None:
    assert observe(values).facts["usb_disk_write"] == "blocked"


@pytest.mark.parametrize("values", HALF_MEASURES.values(), ids=HALF_MEASURES)
def test_a_half_measure_leaves_writing_open(values: dict[str, Any]) -> None:
    assert observe(values).facts["usb_disk_write"] == "open"


@pytest.mark.parametrize(("values", "refused"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_cannot_be_told_is_neither(values: dict[str, Any], refused: tuple[str, ...]) -> None:
    assert "usb_disk_write" in observe(values, refused).missing


def test_what_one_layer_proves_needs_no_other() -> None:
    assert observe(WRITES, ("restrictions", "fve", "mdm_system")).facts["usb_disk_write"] == "blocked"
    assert observe(denied("USB\\Class_08", **RETRO), ("all", "enforcer")).facts["usb_disk_write"] == "blocked"


def test_a_phone_is_closed_by_both_of_its_classes_only() -> None:
    both = {"wpd": {"Deny_Write": 1, "Deny_Read": 1}, "wpd2": {"Deny_Write": 1}}
    facts = observe(both).facts
    assert (facts["phone_write"], facts["phone_read"], facts["usb_disk_write"]) == ("blocked", "open", "open")
    assert observe({"wpd": {"Deny_Write": 1}}).facts["phone_write"] == "open"
    # the fault of volumes is none of phones
    assert observe({**both, "storage": {"HotplugSecureOpen": 0}}).facts["phone_write"] == "blocked"


def test_phones_need_both_of_their_interfaces_denied_for_good() -> None:
    assert observe(denied("USB\\MS_COMP_MTP", "USB\\Class_06", **RETRO)).facts["phone_write"] == "blocked"
    assert observe(denied("USB\\MS_COMP_MTP", **RETRO)).facts["phone_write"] == "open"
    assert observe({"restrictions": {"DenyRemovableDevices": 1}, **DRIVERS_OFF}).facts["phone_write"] == "open"


def test_what_the_restrictions_let_in_is_named() -> None:
    usb_only = observe(denied(USB, by="DenyDeviceClasses")).facts["installable"]
    assert usb_only == ["USB disk (UAS)", "phone or camera (MTP)", "phone or camera (PTP)"]
    assert observe({"restrictions": {"DenyRemovableDevices": 1}}).facts["installable"] == []
    layered = {"DenyRemovableDevices": 1, "AllowDenyLayered": 1, "AllowDeviceIDs": 1}
    facts = observe({"restrictions": layered, "AllowDeviceIDs": {"1": "USB\\VID_1", "2": "USB\\ROOT_HUB30"}}).facts
    assert facts["install_exceptions"] == ["usb\\vid_1"]


def test_denying_reads_stops_programs_too() -> None:
    facts = observe({"disks": {"Deny_Read": 1}}).facts
    assert (facts["usb_disk_execute"], facts["usb_disk_read"], facts["usb_disk_write"]) == (
        "blocked",
        "blocked",
        "open",
    )


KEYS = st.one_of(
    st.none(),
    st.dictionaries(
        st.sampled_from(
            [
                "Deny_All",
                "Deny_Write",
                "Start",
                "HotplugSecureOpen",
                "DenyDeviceIDs",
                "AllowDenyLayered",
                "RDVDenyWriteAccess",
            ]
        ),
        st.one_of(st.integers(-1, 2**33), st.text(), st.lists(st.text(max_size=3), max_size=2)),
    ),
)


@given(st.fixed_dictionaries(dict.fromkeys(ITEMS, KEYS)))
def test_no_answer_crashes_and_writing_is_blocked_only_for_a_reason(values: dict[str, Any]) -> None:
    observation = observe(values)
    assert set(observation.facts) | set(observation.missing) == set(PROBE.facts)
    if observation.facts.get("usb_disk_write") == "blocked":
        asked = [(values["all"] or {}).get("Deny_All"), (values["disks"] or {}).get("Deny_Write")]
        switches = values["restrictions"] or {}
        assert any(one in (1, 2**32 + 1) for one in [*asked, switches.get("DenyDeviceIDs")])
