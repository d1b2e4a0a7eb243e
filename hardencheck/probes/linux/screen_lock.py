"""Whether every graphical session on offer locks its screen by itself, and whether users can change that.

Reads: the sessions of the display managers, dconf's profile and compiled databases (GNOME, Cinnamon, MATE) with their
key files, /etc/xdg/kscreenlockerrc (KDE Plasma).
Needs: nothing where these are readable for all, as they are shipped.
Facts:
  sessions              what kinds of session are on offer
  seconds_until_locked  idle time until the slowest of them is locked; null when one never locks
  never_locks           settings that keep a session from being locked
  changeable            settings that users may change for themselves: nothing locks them
  not_in_force          settings that stand in key files but are not compiled, or the other way round
  implicit_keys         settings of GNOME's lock that no database names and locks
Absent when: a session whose screen lock is not known here (Xfce, i3 ...), a database that cannot be read, a setting
that is locked without a value of the right type (the desktop's default holds, which distributions change).
Not applicable where neither a session nor a display manager is installed.

A user's own value counts only while the key is not locked, so that what users set for themselves is not read. A value
of another type than the schema's (`idle-delay=900` without uint32) counts as not set.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import dconf, desktop
from hardencheck.probes.output import Output, read

KSCREENLOCKERRC = "/etc/xdg/kscreenlockerrc"

SCRIPT = (
    desktop.FUNCTIONS
    + dconf.FUNCTIONS
    + rf"""
desktop
dconf_state
files {KSCREENLOCKERRC}
"""
)

FACTS: dict[str, JsonSchema] = {
    "sessions": {"type": "array", "items": {"type": "string"}},
    "seconds_until_locked": {"type": ["integer", "null"]},
    "never_locks": {"type": "array", "items": {"type": "string"}},
    "changeable": {"type": "array", "items": {"type": "string"}},
    "not_in_force": {"type": "array", "items": {"type": "string"}},
    "implicit_keys": {"type": "array", "items": {"type": "string"}},
}


@dataclass(frozen=True, slots=True)
class Keys:
    """How one desktop spells its lock in dconf.

    `must` maps keys that must be true or false to what they must be; the first is what switches the lock. `idle` and
    `delay` are the times with their types and how many seconds one unit is.
    """

    must: dict[str, bool]
    idle: tuple[str, str, int]
    delay: tuple[str, str, int]


_DESKTOPS = {
    "gnome": Keys(
        {"/org/gnome/desktop/screensaver/lock-enabled": True, "/org/gnome/desktop/lockdown/disable-lock-screen": False},
        ("/org/gnome/desktop/session/idle-delay", "u", 1),
        ("/org/gnome/desktop/screensaver/lock-delay", "u", 1),
    ),
    "cinnamon": Keys(
        {
            "/org/cinnamon/desktop/screensaver/lock-enabled": True,
            "/org/cinnamon/desktop/lockdown/disable-lock-screen": False,
        },
        ("/org/cinnamon/desktop/session/idle-delay", "u", 1),
        ("/org/cinnamon/desktop/screensaver/lock-delay", "u", 1),
    ),
    "mate": Keys(
        {
            "/org/mate/screensaver/lock-enabled": True,
            "/org/mate/screensaver/idle-activation-enabled": True,
            "/org/mate/desktop/lockdown/disable-lock-screen": False,
        },
        ("/org/mate/desktop/session/idle-delay", "i", 60),
        ("/org/mate/screensaver/lock-delay", "i", 60),
    ),
}


@dataclass(slots=True)
class Lock:
    """What was found about all sessions; `unclear` says why the times, or everything, cannot be told."""

    seconds: list[int] = field(default_factory=list)
    never: list[str] = field(default_factory=list)
    changeable: list[str] = field(default_factory=list)
    not_in_force: list[str] = field(default_factory=list)
    implicit: list[str] = field(default_factory=list)
    unclear: str = ""


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the worst of the sessions on offer."""
    del context
    output = read(capture)
    found = desktop.read(output)
    if not found:
        return Observation.not_applicable("no graphical session and no display manager is installed")
    if not found.sessions:
        return Observation.not_collected(f"{found.managers[0]} is there, but no session that it could offer")
    lock = Lock()
    for kind in found.kinds:
        if kind == "plasma":
            _plasma(output, lock)
        elif keys := _DESKTOPS.get(kind):
            _by_dconf(dconf.read(output), kind, keys, lock)
        else:
            lock.unclear = f"session {kind}: what locks its screen is not known here"
    return _observation(found, lock)


def _observation(found: desktop.Desktop, lock: Lock) -> Observation:
    """Offenders that were found are facts; that there are no others is one only when every session was understood."""
    facts: dict[str, object] = {"sessions": found.kinds}
    missing: dict[str, str] = {}
    lists = {
        "never_locks": lock.never,
        "changeable": lock.changeable,
        "not_in_force": lock.not_in_force,
        "implicit_keys": lock.implicit,
    }
    for name, values in lists.items():
        if values or not lock.unclear:
            facts[name] = list(dict.fromkeys(values))[:20]
        else:
            missing[name] = lock.unclear
    if lock.never:
        facts["seconds_until_locked"] = None
    elif lock.unclear:
        missing["seconds_until_locked"] = lock.unclear
    else:
        facts["seconds_until_locked"] = max(lock.seconds)
    read_from = dict.fromkeys(facts, "dconf databases of the profile user, kscreenlockerrc") | {
        "sessions": "xsessions, wayland-sessions"
    }
    return Observation.of(facts, read_from, missing)


def _by_dconf(settings: dconf.Settings, kind: str, keys: Keys, lock: Lock) -> None:
    """Judge a desktop whose settings are in dconf."""
    if settings.unclear:
        lock.unclear = settings.unclear
        return
    times = []
    for key, kind_of_value, unit in (keys.idle, keys.delay):
        content = _content(settings, key, kind_of_value, lock)
        if isinstance(content, int):
            times.append(content * unit)
        elif settings.locked(key):
            lock.unclear = f"{key} is locked without a value of its type: the desktop's default holds"
        else:
            lock.unclear = lock.unclear or f"{key} is not set: users decide"
    for key, good in keys.must.items():
        content = _content(settings, key, "b", lock)
        if content is not None and content is not good:
            lock.never.append(f"{kind}: {key}={str(content).lower()} ({settings.value(key)[1]})")
        elif content is None and good and settings.locked(key):
            lock.unclear = f"{key} is locked without a value of its type: the desktop's default holds"
    if times and len(times) == 2:
        if times[0] <= 0:
            lock.never.append(f"{kind}: {keys.idle[0]}=0 means never ({settings.value(keys.idle[0])[1]})")
        lock.seconds.append(sum(times))


def _content(settings: dconf.Settings, key: str, kind_of_value: str, lock: Lock) -> bool | int | float | str | None:
    """Return what the system's databases say; record whether users may change it and whether it is in force."""
    value, where = settings.value(key)
    locked = settings.locked(key)
    right = value is not None and value.type == kind_of_value
    if not locked:
        lock.changeable.append(f"{key} ({settings.profile or 'no dconf profile'})")
    lock.not_in_force += settings.not_in_force(key)
    if key in _NAMED_BY_STIG and not (locked and right):
        lock.implicit.append(key if value is None or right else f"{key}={value} has the wrong type ({where})")
    return value.content if value is not None and right else None


#: RHEL's and Ubuntu's guides want these named and locked; the default of the schema does not count.
_NAMED_BY_STIG = {
    "/org/gnome/desktop/session/idle-delay",
    "/org/gnome/desktop/screensaver/lock-enabled",
    "/org/gnome/desktop/screensaver/lock-delay",
}


def _plasma(output: Output, lock: Lock) -> None:
    """Judge KDE Plasma: Autolock, Timeout in minutes and LockGrace in seconds (defaults: true, 5, 5)."""
    if KSCREENLOCKERRC in output.unreadable | output.special:
        lock.unclear = f"{KSCREENLOCKERRC} cannot be read"
        return
    entries = desktop.kconfig(output.files.get(KSCREENLOCKERRC, ""), "Daemon")
    everything = "" in entries
    for key in ("Autolock", "Timeout", "LockGrace"):
        if not everything and not entries.get(key, ("", False))[1]:
            lock.changeable.append(f"plasma: {key} ({KSCREENLOCKERRC})")
    auto = entries.get("Autolock", ("true", False))[0].lower()
    if auto in ("false", "no", "off", "0"):
        lock.never.append(f"plasma: Autolock={auto} ({KSCREENLOCKERRC})")
    timeout, grace = entries.get("Timeout", ("5", False))[0], entries.get("LockGrace", ("5", False))[0]
    if not timeout.isdecimal() or not grace.isdecimal():
        lock.unclear = f"{KSCREENLOCKERRC}: Timeout={timeout!r}, LockGrace={grace!r}"
    elif int(timeout) == 0:
        lock.never.append(f"plasma: Timeout=0 means never ({KSCREENLOCKERRC})")
    else:
        lock.seconds.append(int(timeout) * 60 + int(grace))


PROBE = Probe(
    id="linux.screen_lock",
    title="Screen lock of graphical sessions",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
)
