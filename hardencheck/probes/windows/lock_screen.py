"""What the lock screen shows and does, and whether waking up asks for a password.

Reads: the policies NoLockScreenCamera, NoLockScreenSlideshow and DisableLockScreenAppNotifications, and the policy for
the password on wake-up (power setting 0e796bdb-100d-47d6-a2d5-f7d2daa51f51), on mains and on battery; AllowToasts of
device management (AboveLock), which takes the notifications away, too.
https://learn.microsoft.com/windows/client-management/mdm/policy-csp-admx-controlpaneldisplay
https://learn.microsoft.com/windows/client-management/mdm/policy-csp-abovelock
https://learn.microsoft.com/windows/client-management/mdm/policy-csp-power
Needs: nothing.
Absent when: the registry refuses access. Without a policy the power plan decides about the password on wake-up, which
is not looked at: that is unknown then. Screen savers are settings of each user, whose registry is loaded only while
they are logged on: `windows.screen_lock` has what holds for all. Not applicable on Server Core: it has no lock screen.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import Section, read
from hardencheck.probes.windows.settings import Facts, Place, Setting, decide

SCRIPT = r"""
Registry 'personalization' 'SOFTWARE\Policies\Microsoft\Windows\Personalization' NoLockScreenCamera, `
  NoLockScreenSlideshow
Registry 'system' 'SOFTWARE\Policies\Microsoft\Windows\System' DisableLockScreenAppNotifications
Registry 'wake' 'SOFTWARE\Policies\Microsoft\Power\PowerSettings\0e796bdb-100d-47d6-a2d5-f7d2daa51f51' `
  ACSettingIndex, DCSettingIndex
Registry 'mdm' 'SOFTWARE\Microsoft\PolicyManager\current\device\AboveLock' AllowToasts
"""

FACTS: dict[str, JsonSchema] = {
    "camera": {"type": "boolean"},
    "slide_show": {"type": "boolean"},
    "notifications": {"type": "boolean"},
    "wake_password_on_mains": {"type": "boolean"},
    "wake_password_on_battery": {"type": "boolean"},
}
_SHOWN = {
    "camera": ("personalization", "NoLockScreenCamera"),
    "slide_show": ("personalization", "NoLockScreenSlideshow"),
    "notifications": ("system", "DisableLockScreenAppNotifications"),
}
_WAKE = {"wake_password_on_mains": "ACSettingIndex", "wake_password_on_battery": "DCSettingIndex"}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what the lock screen lets a passer-by see or do, and whether waking up asks for the password."""
    if context.system.windows.core is True:
        return Observation.not_applicable("a Server Core has no lock screen")
    section, facts = read(capture), Facts()
    for fact, (item, name) in _SHOWN.items():
        off = decide(section, [Place(item, name)], 0, "users choose")
        shown = Setting(off.value != 1, off.source, off.why)
        facts.add(fact, _toasts(section, shown) if fact == "notifications" and shown.value else shown)
    for fact, name in _WAKE.items():
        asked = decide(section, [Place("wake", name)], None, "no policy says so, and the power plan is not looked at")
        facts.add(fact, Setting(asked.value == 1, asked.source, asked.why))
    return facts.observation()


def _toasts(section: Section, shown: Setting) -> Setting:
    """Say whether device management takes away the notifications that the group policy leaves, or cannot tell of."""
    toasts = decide(section, [Place("mdm", "AllowToasts", "mdm")], 1)
    if not toasts.why and toasts.value == 0:
        return Setting(False, toasts.source)
    return shown if shown.why or not toasts.why else Setting(None, why=toasts.why)


PROBE = Probe(
    id="windows.lock_screen",
    title="Lock screen and waking up",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=16 * 1024,
)
