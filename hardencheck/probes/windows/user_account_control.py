"""Whether programs get an administrator's powers only after the administrator says so, on a screen they cannot fake.

ConsentPromptBehaviorAdmin: 0 asks nothing, 1 asks for a password and 2 for consent on the secure desktop, 3 and 4 the
same on the user's own desktop, 5 (the default) asks only for programs that are not part of Windows.
ConsentPromptBehaviorUser: 0 refuses, 1 asks for a password on the secure desktop, 3 (the default) asks for a password.
https://learn.microsoft.com/windows/security/application-security/application-control/user-account-control/settings-and-configuration

Reads: the key Policies\\System, which Windows takes the settings from whoever set them. They hold after a restart.
Needs: nothing.
Absent when: the registry refuses access. The question has no meaning on Server Core, which has no desktop.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import read
from hardencheck.probes.windows.settings import Facts, Place, Setting, decide

SCRIPT = r"""
Registry 'system' 'SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System' EnableLUA, ConsentPromptBehaviorAdmin, `
  ConsentPromptBehaviorUser, FilterAdministratorToken, PromptOnSecureDesktop
"""

FACTS: dict[str, JsonSchema] = {
    "enabled": {"type": "boolean"},
    "secure_desktop": {"type": "boolean"},
    "builtin_administrator_asked": {"type": "boolean"},
    "administrators_prompt": {"type": "integer"},
    "users_prompt": {"type": "integer"},
}

_SWITCHES = (
    ("enabled", "EnableLUA", 1, "on"),
    ("secure_desktop", "PromptOnSecureDesktop", 1, "on"),
    ("builtin_administrator_asked", "FilterAdministratorToken", 0, "the built-in Administrator is not asked"),
)


def parse(capture: Capture, context: Context) -> Observation:
    """Yield how User Account Control is set."""
    core = context.system.windows.core
    if core:
        return Observation.not_applicable("Server Core has no desktop to ask on")
    section = read(capture)
    if core is None:
        return Observation.not_collected("it is not known whether this is a Server Core")
    facts = Facts()
    for fact, name, default, about in _SWITCHES:
        switch = decide(section, [Place("system", name, "local")], default, about)
        facts.add(fact, Setting(switch.value not in (0, None), switch.source, switch.why))
    for fact, name, default, about in (
        ("administrators_prompt", "ConsentPromptBehaviorAdmin", 5, "asks only for what is not part of Windows"),
        ("users_prompt", "ConsentPromptBehaviorUser", 3, "asks for a password"),
    ):
        facts.add(fact, decide(section, [Place("system", name, "local")], default, about))
    return facts.observation()


PROBE = Probe(
    id="windows.user_account_control",
    title="User Account Control",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=16 * 1024,
)
