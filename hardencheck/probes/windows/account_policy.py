r"""What Windows asks of the passwords of the accounts that this machine keeps, and when it locks them.

These are the local accounts; on a domain controller, those of the whole domain. A member's domain accounts follow the
policy of the domain, which is read there. Password settings that a domain gives to single groups (fine-grained password
policies) and password filters of other makers are not looked at: they make things stricter or weaker for some.

Reads: [System Access] of `secedit /export`; LimitBlankPasswordUse of HKLM\SYSTEM\CurrentControlSet\Control\Lsa, which
is on unless it is set to 0.
https://learn.microsoft.com/windows/security/threat-protection/security-policy-settings/account-policies
Needs: administrator rights.
Facts: `lockout_after` wrong passwords lock an account, null when none ever do. `lockout_duration` in seconds, 0 when
only an administrator ends it; `lockout_counting_seconds`, within which wrong passwords count together; both null when
nothing is locked. `builtin_administrator_bounded` tells whether guessing at the account with RID 500 comes to an end:
it is disabled, or locked like others (a setting of October 2022 on). `max_age_days` is null when passwords never
expire. `builtin_default_names` are built-in accounts that still have the name that they came with, in any language;
`builtin_default_names_enabled`, those of them that are enabled.
Absent when: secedit fails or writes no whole export; a setting is not listed there, or a name could be the default of a
language that is not known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe, System
from hardencheck.probes.powershell import read
from hardencheck.probes.windows.builtin_accounts import is_default_name
from hardencheck.probes.windows.security_policy import ACCESS, Export, exported
from hardencheck.probes.windows.settings import Facts, Place, Setting, decide

SCRIPT = r"""
SecurityPolicy 'policy' 'System Access', 'Version'
Registry 'lsa' 'SYSTEM\CurrentControlSet\Control\Lsa' LimitBlankPasswordUse
"""

_BOOLEAN: JsonSchema = {"type": "boolean"}
_NUMBER: JsonSchema = {"type": "integer"}
_OR_NONE: JsonSchema = {"type": ["integer", "null"]}
_NAMES: JsonSchema = {"type": "array", "items": {"type": "string"}}
FACTS: dict[str, JsonSchema] = {
    "lockout_after": _OR_NONE,
    "lockout_duration": _OR_NONE,
    "lockout_counting_seconds": _OR_NONE,
    "builtin_administrator_bounded": _BOOLEAN,
    "min_length": _NUMBER,
    "complexity": _BOOLEAN,
    "remembered_passwords": _NUMBER,
    "max_age_days": _OR_NONE,
    "min_age_days": _NUMBER,
    "stored_reversibly": _BOOLEAN,
    "blank_passwords_limited": _BOOLEAN,
    "guest_enabled": _BOOLEAN,
    "builtin_default_names": _NAMES,
    "builtin_default_names_enabled": _NAMES,
}

#: What secedit calls a setting, the range that Windows gives it, and what the number means as a fact.
_Meaning = Callable[[int], Any]
_SETTINGS: dict[str, tuple[str, range, _Meaning]] = {
    "lockout_after": ("LockoutBadCount", range(1000), lambda count: count or None),
    "min_length": ("MinimumPasswordLength", range(257), int),
    "complexity": ("PasswordComplexity", range(2), bool),
    "remembered_passwords": ("PasswordHistorySize", range(1025), int),
    "max_age_days": ("MaximumPasswordAge", range(-1, 10**9), lambda days: days if days > 0 else None),
    "min_age_days": ("MinimumPasswordAge", range(50000), int),
    "stored_reversibly": ("ClearTextPassword", range(2), bool),
    "guest_enabled": ("EnableGuestAccount", range(2), bool),
}
_LOCKOUT = {
    "lockout_duration": ("LockoutDuration", range(-1, 100000), lambda minutes: max(minutes, 0) * 60),
    "lockout_counting_seconds": ("ResetLockoutCount", range(100000), lambda minutes: minutes * 60),
}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the password and lockout policy of the accounts that this machine keeps."""
    section = read(capture)
    export, facts = exported(section, "policy", ACCESS), Facts()
    blank = decide(
        section, [Place("lsa", "LimitBlankPasswordUse", "local")], 1, "empty passwords work at the console only"
    )
    facts.add("blank_passwords_limited", Setting(blank.value != 0, blank.source, blank.why))
    if export.why:
        for name in FACTS.keys() - {"blank_passwords_limited"}:
            facts.lack(name, export.why)
        return facts.observation()
    of = f"of {whose(context.system)}"
    for name, (key, allowed, meaning) in _SETTINGS.items():
        facts.add(name, _setting(export, key, allowed, meaning, of))
    _lockout(export, facts, of)
    _administrator(export, facts)
    _names(export, facts)
    return facts.observation()


def whose(system: System) -> str:
    """Say whose accounts the account policy of a machine is about."""
    role = system.windows.role
    if role is None:
        return "the accounts kept here"
    return "the domain's accounts" if role == "domain_controller" else "local accounts"


def _setting(export: Export, key: str, allowed: range, meaning: _Meaning, of: str) -> Setting:
    number = export.number(key)
    if number is None:
        return Setting(None, why=f"secedit /export does not list {key}")
    if number not in allowed:
        return Setting(None, why=f"secedit /export says {key} = {number}, which Windows does not have")
    return Setting(meaning(number), f"secedit /export, [{ACCESS}] {key} = {number}, {of}")


def _lockout(export: Export, facts: Facts, of: str) -> None:
    for name, (key, allowed, meaning) in _LOCKOUT.items():
        if "lockout_after" in facts.facts and facts.facts["lockout_after"] is None:
            facts.put(name, None, f"secedit /export, [{ACCESS}] LockoutBadCount = 0: nothing is ever locked")
        elif name == "lockout_duration" and export.number(key) == 0:
            # cut off to whole minutes: 0 may be half a minute as well as none of the policy's own "0, no end"
            facts.lack(name, f"secedit /export says {key} = 0, which is less than a minute, or without end")
        else:
            facts.add(name, _setting(export, key, allowed, meaning, of))


def _administrator(export: Export, facts: Facts) -> None:
    fact = "builtin_administrator_bounded"
    where = f"secedit /export, [{ACCESS}]"
    enabled, lockable = export.number("EnableAdminAccount"), export.number("AllowAdministratorLockout")
    if enabled == 0:
        facts.put(fact, True, f"{where} EnableAdminAccount = 0: it is disabled")
    elif enabled != 1:
        facts.lack(fact, "secedit /export does not list EnableAdminAccount as 0 or 1")
    elif "lockout_after" in facts.facts and facts.facts["lockout_after"] is None:
        facts.put(fact, False, f"{where} LockoutBadCount = 0: nothing is ever locked")
    elif "lockout_after" in facts.missing or lockable not in (0, 1):
        facts.lack(
            fact, "secedit /export does not list AllowAdministratorLockout, which updates of October 2022 brought"
        )
    else:
        facts.put(fact, lockable == 1, f"{where} AllowAdministratorLockout = {lockable}")


def _names(export: Export, facts: Facts) -> None:
    every: list[str] = []
    enabled: list[str] = []
    doubts: dict[str, list[str]] = {"builtin_default_names": [], "builtin_default_names_enabled": []}
    for who, name_key, state_key in (
        ("Administrator", "NewAdministratorName", "EnableAdminAccount"),
        ("Guest", "NewGuestName", "EnableGuestAccount"),
    ):
        name, state = export.text(name_key), export.number(state_key)
        default = is_default_name(who, name) if name else None
        if default:
            every.append(f"{who} ({name})")
            enabled += every[-1:] if state == 1 else []
        if default is None:
            why = f"{who}: {'the language of its name is not known' if name else f'no {name_key} listed'}"
            doubts["builtin_default_names"].append(why)
            doubts["builtin_default_names_enabled"] += [why] if state != 0 else []
        elif default and state not in (0, 1):
            doubts["builtin_default_names_enabled"].append(f"{who}: no {state_key} listed")
    for fact, offenders in (("builtin_default_names", every), ("builtin_default_names_enabled", enabled)):
        if doubts[fact] and not offenders:
            facts.lack(fact, "; ".join(doubts[fact]))
        else:
            facts.put(fact, offenders, f"secedit /export, [{ACCESS}] NewAdministratorName and NewGuestName")


PROBE = Probe(
    id="windows.account_policy",
    title="Policy of passwords and lockout",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=45,
    max_bytes=64 * 1024,
)
