"""Which sensors watch this host for intruders: detection and response on endpoints (EDR), host intrusion detection.

Reads: the services, and whether Microsoft Defender for Endpoint was onboarded: it is part of Windows, and its service
reports to nobody before. A service is known by its name, which anybody could give to a program of his own; one whose
program is outside the folders of Windows and of installed programs does not count. Whether the sensor still talks to
its console is seen at the console only. https://learn.microsoft.com/defender-endpoint/troubleshoot-onboarding
Needs: administrator rights to see all services.
Absent when: the services cannot be listed, or none is known to count and of one that runs its program, or the state of
onboarding, cannot be read; none is seen, and services may be hidden.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import Section, read
from hardencheck.probes.windows import services
from hardencheck.probes.windows.services import Service
from hardencheck.probes.windows.settings import Facts, Place, Setting, decide

SCRIPT = (
    services.SCRIPT
    + r"""
Registry 'onboarding' 'SOFTWARE\Microsoft\Windows Advanced Threat Protection\Status' 'OnboardingState'
"""
)

PARAMETERS: dict[str, JsonSchema] = {"windows_sensor_services": services.PATTERNS}
FACTS: dict[str, JsonSchema] = {
    "running_sensors": {"type": "array", "items": {"type": "string"}},
    "faulty_sensors": {"type": "array", "items": {"type": "string"}},
}

#: the one service whose presence says nothing, because it comes with Windows
_BUILT_IN = "sense"


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the sensors that run, and those that are installed and do not, with the reason."""
    section = read(capture)
    item = section.item("services")
    found = services.services(item)
    if found is None:
        return Observation.not_collected(item.trouble if not item.ok else "the services could not be listed")
    onboarded = _onboarded(section)
    running, faulty, unclear = set(), set(), []
    for product, one in services.known(found, context.values.get("windows_sensor_services", ())):
        built_in = one.name.lower() == _BUILT_IN
        if built_in and onboarded.value is False:
            if one.running:
                faulty.add(f"{product} ({one.name}): not onboarded")
        elif trouble := _trouble(one):
            faulty.add(f"{product} ({one.name}): {trouble}")
        elif not one.program:
            unclear.append(f"{product} ({one.name}) runs, but its program is not told")
        elif built_in and onboarded.why:
            unclear.append(f"{product} ({one.name}) runs, but {onboarded.why}")
        else:
            running.add(f"{product} ({one.name})")
    facts = Facts()
    hidden = services.unseen(context)
    if hidden and not faulty:
        facts.lack("faulty_sensors", hidden)
    else:
        source = f"Win32_Service: {len(found)} services with a program of their own"
        facts.put("faulty_sensors", sorted(faulty)[:20], source)
    if (unclear or hidden) and not running:
        facts.lack("running_sensors", "; ".join(filter(None, [*unclear, *sorted(faulty), hidden])))
    else:
        seen = "; ".join(sorted(faulty)) or "no other service is on the list windows_sensor_services"
        facts.put("running_sensors", sorted(running)[:20], f"Win32_Service: {seen}")
    return facts.observation()


def _onboarded(section: Section) -> Setting:
    state = decide(section, [Place("onboarding", "OnboardingState", "local")], 0, "not onboarded")
    return Setting(None, why=state.why) if state.why else Setting(state.value == 1, state.source)


def _trouble(one: Service) -> str:
    if not one.running:
        return f"state {one.state or 'not told'}, start {one.start or 'not told'}"
    if one.start == "Disabled":
        return "it runs, but will not start again"
    if one.program and one.misplaced:
        return f"it runs {one.program}, where no installed program is"
    return ""


PROBE = Probe(
    id="windows.sensors",
    title="Sensors that watch for intruders",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    seconds=45,
    max_bytes=64 * 1024,
    parameters=PARAMETERS,
)
