"""The preferences of Microsoft Defender Antivirus (MSFT_MpPreference), and whether they mean anything on a host.

They are what group policy, device management and the host's own settings make together. Where it has stepped back for
another product, or is not installed, they mean nothing.
https://learn.microsoft.com/powershell/module/defender/set-mppreference
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hardencheck.model.observation import Observation
from hardencheck.model.probe import Context
from hardencheck.probes.powershell import Section
from hardencheck.probes.windows import defender_status, services
from hardencheck.probes.windows.defender_status import NAME, Defender, Product
from hardencheck.probes.windows.services import Service
from hardencheck.probes.windows.settings import Facts


def script(properties: str) -> str:
    """Return a script that prints what defender_status asks for, and the item `preference`.

    That holds `ids` and `actions` of the rules of attack surface reduction, and `properties`: entries of a hashtable
    that read $one, a MSFT_MpPreference.
    """
    return f"""{defender_status.SCRIPT}
Item 'preference' {{
  $one = Get-HcInstances MSFT_MpPreference -Namespace 'root/Microsoft/Windows/Defender'
  @{{
    ids = [object[]]@($one.AttackSurfaceReductionRules_Ids | ForEach-Object {{ [string]$_ }})
    actions = [object[]]@($one.AttackSurfaceReductionRules_Actions | ForEach-Object {{ [int]$_ }})
    {properties.strip()}
  }}
}}
"""


def in_charge(section: Section, context: Context) -> Defender | Observation:
    """Return the state of Microsoft Defender Antivirus, or the observation to give where its preferences mean nothing.

    They mean nothing where another product protects the host in its place, and may where one could unseen.
    """
    found = defender_status.listed(section)
    own = defender_status.defender(section, found, context)
    others = defender_status.products(section, context.system.windows, found)
    if reason := _replaced(own, others, found, context.values):
        return Observation.not_applicable(reason)
    if doubt := _unsure(own, others, found, context):
        return Observation.not_collected(doubt)
    return own


def told(section: Section, facts: Facts, names: Iterable[str]) -> Mapping[str, Any] | None:
    """Return the preferences; None when they are not told, and then `facts` lacks all `names` that it has not yet."""
    item = section.item("preference")
    if item.ok and isinstance(item.value, dict):
        return item.value
    for name in names:
        if name not in facts.facts and name not in facts.missing:
            facts.lack(name, item.trouble if not item.ok else "the preferences are not told")
    return None


def _replaced(
    own: Defender, others: Sequence[Product] | None, found: Sequence[Service] | None, values: Mapping[str, Any]
) -> str:
    """Say which product protects the host in place of Microsoft's; "" when none is seen."""
    if own.active or not own.idle:
        return ""
    if other := next((one for one in others or () if one.on), None):
        return f"{own.text}; {other.text}"
    if own.text.startswith("there is no service"):
        return f"{NAME} is not installed: {own.text}"
    named = services.known(found or (), values.get("windows_antivirus_services", ()))
    running = sorted(
        f"{name} ({one.name})" for name, one in named if one.running and not one.misplaced and name != NAME
    )
    return f"{own.text}; {', '.join(running)} runs" if running else ""


def _unsure(own: Defender, others: Sequence[Product] | None, found: Sequence[Service] | None, context: Context) -> str:
    """Say why another product may protect the host in place of Microsoft's although none is seen; "" when none may."""
    hidden = defender_status.hidden(found, context)
    doubt = "which other antivirus is registered could not be asked" if others is None else hidden
    return f"{own.text}; {doubt}" if own.idle and doubt else ""
