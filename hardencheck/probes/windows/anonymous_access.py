"""What somebody without any account can learn of the host over the network: names of accounts and of shares.

Reads: RestrictAnonymous (shares and accounts), RestrictAnonymousSAM (accounts) and EveryoneIncludesAnonymous of the Lsa
key; of the SMB server RestrictNullSessAccess (named pipes and shares) and NullSessionShares, the shares that stay open
nevertheless. Windows takes each from this one place, whoever set it. The named pipes that stay open are not looked at:
domain controllers and some roles need theirs. On a domain controller RestrictAnonymousSAM has no meaning: who may list
the accounts is decided in the directory (the group Pre-Windows 2000 Compatible Access), which is not looked at.
https://learn.microsoft.com/windows/security/threat-protection/security-policy-settings/network-access-do-not-allow-anonymous-enumeration-of-sam-accounts-and-shares
Needs: nothing.
Absent when: the registry refuses access; accounts_shown also on domain controllers.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import read
from hardencheck.probes.windows.settings import TEXT, Facts, Place, Setting, decide

SCRIPT = r"""
Registry 'lsa' 'SYSTEM\CurrentControlSet\Control\Lsa' RestrictAnonymous, RestrictAnonymousSAM, EveryoneIncludesAnonymous
Registry 'server' 'SYSTEM\CurrentControlSet\Services\LanmanServer\Parameters' RestrictNullSessAccess, NullSessionShares
"""

FACTS: dict[str, JsonSchema] = {
    "shares_shown": {"type": "boolean"},
    "accounts_shown": {"type": "boolean"},
    "pipes_open": {"type": "boolean"},
    "counted_as_everyone": {"type": "boolean"},
    "shares_without_login": {"type": "array", "items": {"type": "string"}},
}

#: fact, item, value, what holds without it, and whether 0 is the open state
_SETTINGS = (
    ("shares_shown", "lsa", "RestrictAnonymous", 0, "shares may be listed", True),
    ("accounts_shown", "lsa", "RestrictAnonymousSAM", 1, "accounts may not be listed", True),
    ("pipes_open", "server", "RestrictNullSessAccess", 1, "pipes and shares are restricted", True),
    ("counted_as_everyone", "lsa", "EveryoneIncludesAnonymous", 0, "they do not belong to Everyone", False),
)

_CAP = 20
_DIRECTORY = "on a domain controller the directory decides who may list the accounts, which is not looked at"


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what is open to who has not logged in."""
    section, role = read(capture), context.system.windows.role
    facts = Facts()
    for fact, item, name, default, about, zero_is_open in _SETTINGS:
        setting = decide(section, [Place(item, name, "local")], default, about)
        if fact == "accounts_shown" and role not in ("workstation", "server"):
            setting = Setting(None, why=_DIRECTORY if role else "it is not known whether this is a domain controller")
        facts.add(fact, Setting((setting.value == 0) == zero_is_open, setting.source, setting.why))
    kinds = (*TEXT, "MultiString")
    listed = decide(section, [Place("server", "NullSessionShares", "local", kinds)], (), "no share is excepted")
    names = (listed.value,) if isinstance(listed.value, str) else listed.value or ()
    shares = sorted({name.strip() for name in names if name.strip()})
    facts.add("shares_without_login", Setting(shares[:_CAP], listed.source, listed.why))
    return facts.observation()


PROBE = Probe(
    id="windows.anonymous_access",
    title="What is shown without a login",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=16 * 1024,
)
