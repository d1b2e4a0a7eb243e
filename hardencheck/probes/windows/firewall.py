"""Whether the Windows firewall is in force: its service, and each profile's default, log and sources of rules.

Reads: the active store of the firewall (what group policy, device management and the host's own settings make
together), the service MpsSvc, the registered firewalls of other makers where there is a list of them
(root/SecurityCenter2), and, where the active store says nothing, the registry.
https://learn.microsoft.com/windows/win32/fwp/wmi/wfascimprov/msft-netfirewallprofile
Needs: nothing on most systems; what is refused is missing.
Absent when: the active store cannot be asked and the registry does not decide. The Domain profile of a host that
belongs to no domain is left out. While another maker's firewall is registered as on, with its program there, whether a
profile protects is not known, on or off: that one may do its work, and what it lets in cannot be seen from here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe, WindowsSystem
from hardencheck.probes.powershell import read
from hardencheck.probes.windows import firewall_profiles
from hardencheck.probes.windows.firewall_profiles import Profile
from hardencheck.probes.windows.settings import Facts, Setting

SCRIPT = firewall_profiles.SCRIPT

_NAMES: JsonSchema = {"type": "array", "items": {"type": "string"}}
FACTS: dict[str, JsonSchema] = {
    "service_running": {"type": "boolean"},
    "profiles_off": _NAMES,
    "unprotected_interfaces": _NAMES,
    "profiles_open": _NAMES,
    "smallest_log_kilobytes": {"type": "integer"},
    "profiles_not_logging_blocked": _NAMES,
    "profiles_not_logging_allowed": _NAMES,
    "public_heeds_local_rules": {"type": "boolean"},
    "public_heeds_local_ipsec_rules": {"type": "boolean"},
}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the state of the service and of the profiles that can be in force."""
    section, system = read(capture), context.system.windows
    found = firewall_profiles.profiles(section, system)
    other = firewall_profiles.other(section, system)
    facts = Facts()
    facts.add("service_running", firewall_profiles.service(section))
    lists = _Lists(facts, found, system)
    lists.add("profiles_off", lambda one: firewall_profiles.replaced(one.on, other))
    lists.add("profiles_open", lambda one: firewall_profiles.replaced(firewall_profiles.effective(one, section), other))
    lists.add("profiles_not_logging_blocked", lambda one: one.log_blocked)
    lists.add("profiles_not_logging_allowed", lambda one: one.log_allowed)
    _interfaces(facts, found)
    _log_size(facts, found)
    public = found[-1]
    facts.add("public_heeds_local_rules", public.local)
    facts.add("public_heeds_local_ipsec_rules", public.ipsec)
    return facts.observation()


class _Lists:
    """Facts that name the profiles which are not as they should be."""

    def __init__(self, facts: Facts, found: Sequence[Profile], system: WindowsSystem) -> None:
        self._facts, self._found, self._system = facts, found, system

    def add(self, fact: str, good: Callable[[Profile], Setting]) -> None:
        """List the profiles whose setting is false; one that is not known leaves out the list unless it has one."""
        bad, unclear, sources = [], [], []
        for one in self._found:
            setting = good(one)
            counts = firewall_profiles.joined_unless_told(one, self._system)
            if setting.why or (setting.value is False and not counts):
                unclear.append(f"{one.name}: {setting.why or 'whether the host belongs to a domain is not known'}")
            else:
                sources.append(f"{one.name}: {setting.source}")
                bad += [one.name] if setting.value is False else []
        if unclear and not bad:
            self._facts.lack(fact, "; ".join(unclear))
        else:
            self._facts.put(fact, bad, "; ".join(sources))


def _interfaces(facts: Facts, found: Sequence[Profile]) -> None:
    names = sorted({f"{name} ({one.name})" for one in found for name in one.without.value or ()})
    why = next((one.without.why for one in found if one.without.why), "")
    if why and not names:
        facts.lack("unprotected_interfaces", why)
    else:
        facts.put("unprotected_interfaces", names[:20], "the active store of the firewall")


def _log_size(facts: Facts, found: Sequence[Profile]) -> None:
    why = next((f"{one.name}: {one.log_kilobytes.why}" for one in found if one.log_kilobytes.why), "")
    if why:
        facts.lack("smallest_log_kilobytes", why)
        return
    least = min(found, key=lambda one: int(one.log_kilobytes.value))
    facts.put("smallest_log_kilobytes", least.log_kilobytes.value, f"{least.name}: {least.log_kilobytes.source}")


PROBE = Probe(
    id="windows.firewall",
    title="State of the Windows firewall",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    seconds=45,
    max_bytes=64 * 1024,
)
