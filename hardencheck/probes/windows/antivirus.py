"""Whether an antivirus protects this host in real time, with signatures that are not old: Microsoft's or another one.

Reads: MSFT_MpComputerStatus (what Get-MpComputerStatus shows), the products registered in root/SecurityCenter2 where
there is one, the services. https://learn.microsoft.com/previous-versions/windows/desktop/defender/msft-mpcomputerstatus
Needs: administrator rights to see all services.
Absent when: Microsoft's does not tell, or has stepped back on a server, where another product cannot register: that its
service runs says that it is there (antivirus_services), and not that it looks at files. Nothing is known to be active,
and services may be hidden.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import read
from hardencheck.probes.windows import defender_status, services
from hardencheck.probes.windows.defender_status import Defender, Product
from hardencheck.probes.windows.settings import Facts

SCRIPT = defender_status.SCRIPT

PARAMETERS: dict[str, JsonSchema] = {
    "windows_antivirus_services": services.PATTERNS,
    "malware_signatures_max_age_days": {"type": "integer"},
}
_NAMES: JsonSchema = {"type": "array", "items": {"type": "string"}}
FACTS: dict[str, JsonSchema] = {
    "active_products": _NAMES,
    "old_signatures": _NAMES,
    "antivirus_services": _NAMES,
}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the products that protect in real time, those of them with old signatures, and the services that run."""
    section = read(capture)
    found = defender_status.listed(section)
    own = defender_status.defender(section, found, context)
    others = defender_status.products(section, context.system.windows, found)
    facts = Facts()
    running: list[str] = []
    hidden = defender_status.hidden(found, context)
    if found is None:
        facts.lack("antivirus_services", hidden)
    else:
        named = services.known(found, context.values.get("windows_antivirus_services", ()))
        running = sorted({product for product, one in named if one.running and not one.misplaced})
        if running or not hidden:
            facts.put("antivirus_services", running, "Win32_Service: state Running")
        else:
            facts.lack("antivirus_services", hidden)
    others_run = [name for name in running if name != defender_status.NAME]
    doubt = f"{', '.join(others_run)} runs, but whether it looks at files cannot be seen here" if others_run else hidden
    _active(facts, own, others, doubt)
    _signatures(facts, own, others or [], int(context.values.get("malware_signatures_max_age_days", 0)))
    return facts.observation()


def _active(facts: Facts, own: Defender, others: list[Product] | None, doubt: str) -> None:
    """Put what is active; `doubt` says why something else may be although nothing is seen to be."""
    active = [defender_status.NAME] if own.active else []
    active += sorted(one.name for one in others or () if one.on)
    seen = "; ".join(
        filter(None, [f"{defender_status.NAME}: {own.text or own.why}", *(one.text for one in others or ())])
    )
    if active:
        facts.put("active_products", active[:20], seen)
    elif own.active is None:
        facts.lack("active_products", f"{defender_status.NAME}: {own.why}")
    elif others is None:
        facts.lack("active_products", "which antivirus is registered could not be asked")
    elif doubt:
        facts.lack("active_products", f"{doubt}; {seen}")
    else:
        facts.put("active_products", [], seen)


def _signatures(facts: Facts, own: Defender, others: list[Product], most: int) -> None:
    """One product with current signatures is enough; the age of another product's signatures is its own word."""
    old: list[str] = []
    current: list[str] = []
    unclear = "no antivirus is known to be active"
    if own.active:
        if own.age_days is None:
            unclear = f"{defender_status.NAME} does not tell how old its signatures are"
        else:
            text = f"{defender_status.NAME}: {own.age_days} days"
            (current if own.age_days <= most else old).append(text)
    for one in others:
        if one.on:
            (current if one.current else old).append(
                f"{one.name}: {'current' if one.current else 'old'} by its own word"
            )
    if current:
        facts.put("old_signatures", [], "; ".join(current))
    elif old:
        facts.put("old_signatures", old, "; ".join(old))
    else:
        facts.lack("old_signatures", unclear)


PROBE = Probe(
    id="windows.antivirus",
    title="Antivirus that is active",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    seconds=60,
    max_bytes=64 * 1024,
    parameters=PARAMETERS,
)
