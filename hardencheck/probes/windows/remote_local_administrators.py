"""Whether local administrators keep their powers over the network, so that one stolen password opens every machine.

Reads: LocalAccountTokenFilterPolicy ("Apply UAC restrictions to local accounts on network logons"): 1 lets every local
administrator in with full powers; 0 and absent do not, unless User Account Control is off (EnableLUA 0), which is what
takes the powers away. The built-in Administrator has them anyhow unless it is subject to User Account Control, too
(FilterAdministratorToken, see windows.user_account_control).
https://learn.microsoft.com/troubleshoot/windows-server/windows-security/user-account-control-and-remote-restriction
Needs: nothing.
Absent when: the registry refuses access. The question has no meaning on domain controllers, which have no local
accounts, and on machines of no domain, which have no other accounts to be managed with.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import read
from hardencheck.probes.windows.settings import Facts, Place, Setting, decide

SCRIPT = r"""
Registry 'system' 'SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System' LocalAccountTokenFilterPolicy, EnableLUA
"""

FACTS: dict[str, JsonSchema] = {"full_powers_remotely": {"type": "boolean"}}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield whether local administrators have full powers over the network."""
    windows = context.system.windows
    if windows.role == "domain_controller":
        return Observation.not_applicable("a domain controller has no local accounts")
    if windows.joined is False:
        return Observation.not_applicable("the machine belongs to no domain")
    section = read(capture)
    if windows.role is None or windows.joined is None:
        return Observation.not_collected("it is not known whether the machine belongs to a domain, and in which role")
    facts = Facts()
    full = decide(section, [Place("system", "LocalAccountTokenFilterPolicy", "local")], 0, "their powers are filtered")
    control = decide(section, [Place("system", "EnableLUA", "local")], 1, "User Account Control is on")
    if not full.why and full.value == 0 and (control.why or control.value == 0):
        full = Setting(1, f"{control.source}: without User Account Control no powers are filtered", control.why)
    facts.add("full_powers_remotely", Setting(full.value != 0, full.source, full.why))
    return facts.observation()


PROBE = Probe(
    id="windows.remote_local_administrators",
    title="Local administrators over the network",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=16 * 1024,
)
