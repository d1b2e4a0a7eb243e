"""Whether a user's packages are installed with the powers of the system, which makes every user an administrator.

Windows Installer does so when AlwaysInstallElevated is 1 both for the machine and for the user. The user's half is not
looked at (it is loaded only while they are logged on, and they may set it themselves): 1 for the machine counts.
https://learn.microsoft.com/windows/win32/msi/alwaysinstallelevated

Reads: AlwaysInstallElevated and EnableUserControl of the policy key Installer, what device management asks for in
their place (PolicyManager, ApplicationManagement), and MDMWinsOverGP, which says who wins.
Needs: nothing.
Absent when: the registry refuses access.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import read
from hardencheck.probes.windows.settings import CONFLICT, Facts, Place, Setting, decide

SCRIPT = (
    r"""
Registry 'installer' 'SOFTWARE\Policies\Microsoft\Windows\Installer' AlwaysInstallElevated, EnableUserControl
Registry 'mdm' 'SOFTWARE\Microsoft\PolicyManager\current\device\ApplicationManagement' `
  MSIAlwaysInstallWithElevatedPrivileges, MSIAllowUserControlOverInstall
"""
    + CONFLICT
)

FACTS: dict[str, JsonSchema] = {"always_elevated": {"type": "boolean"}, "user_control": {"type": "boolean"}}

#: fact, value of the policy, value of device management
_SWITCHES = (
    ("always_elevated", "AlwaysInstallElevated", "MSIAlwaysInstallWithElevatedPrivileges"),
    ("user_control", "EnableUserControl", "MSIAllowUserControlOverInstall"),
)


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what users may do with Windows Installer."""
    section = read(capture)
    facts = Facts()
    for fact, name, managed in _SWITCHES:
        switch = decide(section, [Place("installer", name), Place("mdm", managed, "mdm")], 0, "off")
        facts.add(fact, Setting(switch.value != 0, switch.source, switch.why))
    return facts.observation()


PROBE = Probe(
    id="windows.installer",
    title="Windows Installer",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=16 * 1024,
)
