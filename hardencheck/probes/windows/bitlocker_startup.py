r"""Whether a policy makes BitLocker ask for a PIN or a startup key before Windows starts, and how long the PIN is.

The policy counts when BitLocker is switched on or its protectors are changed: a disk that was encrypted before the
policy may still start without a PIN. What protects the disk now (key protectors) only a method of the class tells, and
methods are not called.

Reads: UseAdvancedStartup, UseTPM, UseTPMPIN, UseTPMKey, UseTPMKeyPIN (0 forbidden, 1 required, 2 allowed) and
MinimumPIN of the policy key FVE. Only one of them can be required; BitLocker refuses to apply two.
https://learn.microsoft.com/windows/client-management/mdm/bitlocker-csp
Needs: nothing.
Absent when: the registry refuses access, the policy contradicts itself, or the role of the host is not known. Not
applicable on servers, which start without anybody beside them.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import Section, read
from hardencheck.probes.windows.settings import Facts, Place, Setting, decide

_KEY = r"SOFTWARE\Policies\Microsoft\FVE"
SCRIPT = f"""
Registry 'fve' '{_KEY}' UseAdvancedStartup, UseTPM, UseTPMPIN, UseTPMKey, UseTPMKeyPIN, `
  MinimumPIN
"""

FACTS: dict[str, JsonSchema] = {"pin_required": {"type": "boolean"}, "minimum_pin_length": {"type": "integer"}}
_REQUIRED = 1
#: the build since which a PIN has 6 digits at least unless a policy says otherwise
_SIX_DIGITS = 16299


def parse(capture: Capture, context: Context) -> Observation:
    """Yield whether a PIN is required at startup, and its least length."""
    role = context.system.windows.role
    if role is None:
        return Observation.not_collected("whether this is a workstation is not known")
    if role != "workstation":
        return Observation.not_applicable("a server starts without anybody beside it")
    section, facts = read(capture), Facts()
    facts.add("pin_required", _pin(section))
    build = context.system.windows.build
    since_1709 = build is not None and build >= _SIX_DIGITS
    default = (6, "6 digits") if since_1709 else (None, "not set, and the default of this build is not known")
    facts.add("minimum_pin_length", decide(section, [Place("fve", "MinimumPIN")], *default))
    return facts.observation()


def _pin(section: Section) -> Setting:
    """Say whether no way to start is left that needs no PIN: PIN or PIN with key required, which excludes the rest."""
    advanced = decide(section, [Place("fve", "UseAdvancedStartup")], 0, "no more than the TPM is asked for")
    if advanced.why or advanced.value != 1:
        return Setting(False, advanced.source, advanced.why)
    ways = {
        name: decide(section, [Place("fve", name)], 2) for name in ("UseTPMPIN", "UseTPMKeyPIN", "UseTPM", "UseTPMKey")
    }
    if why := next((way.why for way in ways.values() if way.why), ""):
        return Setting(None, why=why)
    required = {name: way for name, way in ways.items() if way.value == _REQUIRED}
    if len(required) > 1:
        return Setting(None, why=f"HKLM\\{_KEY} requires {' and '.join(required)}, which contradict each other")
    if pin := next((way for name, way in required.items() if "PIN" in name), None):
        return Setting(True, pin.source)
    without = [way for name, way in ways.items() if "PIN" not in name and way.value != 0]
    if without:
        return Setting(False, f"{advanced.source}; a start without a PIN stays allowed")
    some = any(ways[name].value == 2 for name in ("UseTPMPIN", "UseTPMKeyPIN"))
    return Setting(some, f"{advanced.source}; only starts with a PIN are allowed" if some else advanced.source)


PROBE = Probe(
    id="windows.bitlocker_startup",
    title="BitLocker PIN at startup",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=16 * 1024,
)
