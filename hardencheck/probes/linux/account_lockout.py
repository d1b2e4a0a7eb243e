"""What services make of wrong passwords and of empty ones: how many before the right one is refused, and for how long.

The auth stack of every service that lets people in is played through: so many wrong passwords, then the right one, as
a local user who is not root. What counts is therefore the whole stack: the order of pam_faillock's lines and pam_unix,
jumps, `sufficient`, each line's own `deny`. Accounts of a directory (SSSD, LDAP, AD) are locked there, not here.

Reads: /etc/pam.d, /usr/lib/pam.d, /usr/etc/pam.d, /etc/pam.conf, /etc/security/faillock.conf (or the vendor's), the
names of the installed PAM modules, which login programs are installed, `sshd -T` (root; else the text of sshd_config)
for UsePAM: an sshd that does not ask PAM counts nothing.
Needs: nothing; `sshd -T` needs root where sshd_config does not say `UsePAM yes` in plain text.
Facts: `services_without_lockout` names each service that never refuses the right password. `lockout_after` is the
largest number of wrong passwords that any service takes; missing where one never refuses. `lockout_duration` is the
shortest time of refusal in seconds, 0 when only an administrator ends it. `lockout_counting_seconds` is the shortest
time within which failures count together, 0 for ever. `lockout_explicit` tells whether all three are written down
rather than built in, `lockout_binds_root` whether root is refused as well, everywhere.
`services_taking_empty_passwords` names the services whose stack lets in an account without a password, and the lines
that do (nullok), for all services that have a file; so does a line that takes any password of some people (a group
without local members is nobody). `nullok_lines` are all lines of service files that say nullok, in any stack and
whether they are reached or not.
Absent when: never; a host without PAM counts nothing.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform, Status
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import pam, sshd_server
from hardencheck.probes.linux.empty_password import lets_in, nullok_lines, services
from hardencheck.probes.linux.faillock import CONF_FILES, FAILLOCK, TALLY2, Counter, counter
from hardencheck.probes.linux.pam import Configuration, Handler, Stack
from hardencheck.probes.linux.pam_dispatch import dispatch
from hardencheck.probes.linux.pam_modules import World, answer, unknown_modules, worlds
from hardencheck.probes.output import Output, read

#: Services that let people in with a password, and the programs that use them.
SERVICES = {
    "login": ("login",), "sshd": ("sshd",), "su": ("su",), "su-l": (), "sudo": ("sudo",), "sudo-i": (),
    "gdm-password": ("gdm3", "gdm"), "lightdm": ("lightdm",), "sddm": ("sddm",), "xrdp-sesman": ("xrdp-sesman",),
    "cockpit": (), "polkit-1": ("pkexec",), "xscreensaver": (), "mate-screensaver": (), "kde": (), "doas": ("doas",),
    "xdm": (), "lxdm": (), "slim": (), "greetd": (), "remote": (), "vlock": (), "i3lock": (), "swaylock": (),
    "cinnamon-screensaver": (), "xfce4-screensaver": (), "vsftpd": (), "proftpd": (), "pure-ftpd": (), "dovecot": (),
}  # fmt: skip

SCRIPT = (
    pam.SCRIPT
    + r"""
sudo_service() {
  grep -rhsE '^[[:space:]]*Defaults[^#]*pam(_login)?_service[[:space:]]*=' /etc/sudoers /etc/sudoers.d |
    grep -oE 'pam(_login)?_service[[:space:]]*=[[:space:]]*"?[^",[:space:]]+' | sed 's/.*[=[:space:]"]//'
}
ingroup() {
  set -- "$(answer pam | sed -n 's/.*[[:space:]]ingroup[[:space:]]\{1,\}\([^]#[:space:]]*\).*/\1/p' | tr ':\n' '  ')"
  [ -z "${1# }" ] || awk -F: -v wanted=" $1 " 'FNR == 1 { file++ }
    file == 1 { used[$4] = 1; next }
    NF >= 4 && index(wanted, " " $1 " ") { if ($4 != "" || $3 in used) print $1 }' /etc/passwd /etc/group
  printf 'asked %s\n' "$1"
}
files /etc/security/faillock.conf /usr/etc/security/faillock.conf
run programs installed login sshd su sudo gdm3 gdm lightdm sddm xrdp-sesman pkexec doas
run sudo_service sudo_service
run ingroup ingroup
sshd_settings() { answer sshd_effective | grep -E '^(usepam|passwordauthentication|pamservicename) '; }
sshd_text() {
  grep -hisE '^[[:space:]]*(usepam|passwordauthentication)' /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf \
    /usr/etc/ssh/sshd_config
}
run sshd sshd_settings
run sshd_text sshd_text
"""
)

FACTS: dict[str, JsonSchema] = {
    "services_without_lockout": {"type": "array", "items": {"type": "string"}},
    "lockout_after": {"type": "integer"},
    "lockout_duration": {"type": "integer"},
    "lockout_counting_seconds": {"type": "integer"},
    "lockout_explicit": {"type": "boolean"},
    "lockout_binds_root": {"type": "boolean"},
    "services_taking_empty_passwords": {"type": "array", "items": {"type": "string"}},
    "nullok_lines": {"type": "array", "items": {"type": "string"}},
}
_NUMBERS = (
    "lockout_after", "lockout_duration", "lockout_counting_seconds", "lockout_explicit", "lockout_binds_root",
)  # fmt: skip
_LOCKOUT = ("services_without_lockout", *_NUMBERS)
_LISTED = 20
_PASSWORD_MODULES = {"pam_unix", "pam_unix2"}
_MOST_ATTEMPTS = 100


@dataclass(frozen=True, slots=True)
class Lock:
    """What one service does: refuses after `after` wrong passwords for `duration` seconds (0: until reset)."""

    after: int
    duration: int


@dataclass(frozen=True, slots=True)
class Study:
    """What was learned of one stack: a `lock`, or it is `open` (a sentence), or `untold` (why); else not used."""

    stack: Stack
    counters: tuple[Counter, ...] = ()
    lock: Lock | None = None
    open: str = ""
    untold: str = ""


@dataclass(slots=True)
class Trial:
    """One account at one service in one world: it takes passwords and keeps the books of failures."""

    handlers: Sequence[Handler]
    counters: dict[str, Counter]
    world: World
    failures: dict[str, int] = field(default_factory=dict)

    def accepts(self, *, right: bool, elapsed: int = 0) -> bool:
        """Try a password, so many seconds after the last failure; a wrong one may be counted."""
        ages = dict.fromkeys(self.failures, elapsed)
        return dispatch(self.handlers, lambda handler: self._call(handler, right, ages)) == "success"

    def would_accept(self, elapsed: int = 0) -> bool:
        """Return whether the right password would be accepted now; counts nothing."""
        return Trial(self.handlers, self.counters, self.world, dict(self.failures)).accepts(right=True, elapsed=elapsed)

    def _call(self, handler: Handler, right: bool, ages: dict[str, int]) -> str:
        """Run one module; `ages` are the seconds since the last failure of each book."""
        if handler.module in _PASSWORD_MODULES:
            return "success" if right else "auth_err"
        if handler.module not in (FAILLOCK, TALLY2):
            return answer(handler, self.world)
        line = self.counters[handler.where]
        age, failures = ages.get(line.book, 0), self.failures.get(line.book, 0)
        if line.action == "tally2":
            failures += 1
            self.failures[line.book] = failures
        if line.refuses(failures, age):
            return "auth_err"
        if line.action == "authsucc":
            self.failures[line.book] = 0
        if line.action == "authfail":
            over = line.deny and failures >= line.deny
            self.failures[line.book] = 1 if over or age >= line.interval else failures + 1
            ages[line.book] = 0
            return "ignore"
        return "success"


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the lockout that holds for every service; see the module's docstring for the facts."""
    output = read(capture)
    configuration = Configuration(output, context.system)
    if configuration.absent:
        why = "there is no PAM configuration"
        known = {"services_without_lockout": [f"all: {why}, nothing counts failed passwords"]}
        rest = dict.fromkeys(set(FACTS) - set(known), f"{why}: what programs do without is not known")
        return Observation.of(known, dict.fromkeys(known, why), rest)
    if configuration.problem:
        return Observation.not_collected(configuration.problem)
    if unreadable := [path for path in CONF_FILES if path in output.unreadable]:
        return Observation.not_collected(f"{unreadable[0]} cannot be read")
    conf = next(((path, output.files[path]) for path in CONF_FILES if path in output.files), None)
    programs = set(output.run("programs").lines)
    used = [name for name, users in SERVICES.items() if configuration.has(name) or programs.intersection(users)]
    used += [name for name in dict.fromkeys(output.run("sudo_service").lines) if name not in used]
    studies = [
        _sshd(output, configuration, conf) if name == "sshd" else study(configuration.stack(name, pam.AUTH), conf)
        for name in used
    ]
    found = _observe(studies)
    if found.status not in (Status.COMPLETE, Status.INCOMPLETE):
        return found
    empty = _observe_empty(configuration, used, _nobody(output))
    return Observation.of(
        {**found.facts, **empty.facts}, {**found.read_from, **empty.read_from}, {**found.missing, **empty.missing}
    )


def _nobody(output: Output) -> set[str]:
    """Return the groups that conditions of PAM ask for and that nobody on this host is in."""
    *members, asked = output.run("ingroup").lines or ["asked "]
    return set(asked.split(" ")[1:]) - set(members)


def _observe_empty(configuration: Configuration, used: list[str], nobody: set[str]) -> Observation:
    """Tell which services take empty passwords, by the lines that decide; one settles it, whatever the others do."""
    fact, lines = "services_taking_empty_passwords", "nullok_lines"
    open_: dict[str, list[str]] = {}
    untold = []
    for name in services(configuration, used):
        taken, where = lets_in(configuration.stack(name, pam.AUTH), nobody, whatever=name in used)
        if taken:
            open_.setdefault(where, []).append(name)
        elif taken is None:
            untold.append(f"{name}: {where}")
    facts: dict[str, list[str]] = {lines: nullok_lines(configuration)[:_LISTED]}
    read_from = {lines: "all service files", fact: "the auth stack of every service"}
    if untold and not open_:
        return Observation.of(facts, read_from, {fact: "; ".join(untold)})
    facts[fact] = [f"{', '.join(names)}: {where}" for where, names in open_.items()][:_LISTED]
    return Observation.of(facts, read_from)


def _sshd(output: Output, configuration: Configuration, conf: tuple[str, str] | None) -> Study:
    """Return the study of sshd, which asks PAM only when told to, and by the service name that it is told."""
    effective = dict(line.split(" ", 1) for line in output.run("sshd").lines if " " in line)
    outside = _without_pam(output, configuration, effective)
    service = effective.get("pamservicename", "sshd")
    return outside or study(configuration.stack(service, pam.AUTH), conf)


def _without_pam(output: Output, configuration: Configuration, effective: dict[str, str]) -> Study | None:
    """Return the study of an sshd that does not ask PAM, or of one of which that cannot be told; None: it does ask."""
    stack = Stack("sshd", (), "sshd_config")
    lines = [line.lower().replace("=", " ").split() for line in output.run("sshd_text").lines]
    if effective.get("usepam") == "yes":
        return None
    if effective.get("usepam") == "no":
        if effective.get("passwordauthentication") != "no":
            return Study(stack, open="UsePAM is no: failed passwords are not counted")
        if any(words[0] == "passwordauthentication" and words[1:2] != ["no"] for words in lines):
            return Study(stack, untold="UsePAM is no, and a Match block may turn PasswordAuthentication on")
        return Study(stack)
    if "sshd" not in output.run("programs").lines and configuration.has("sshd"):
        return None
    values = [words[1:2] for words in lines if words[0] == "usepam"]
    if values and all(value == ["yes"] for value in values):
        return None
    return Study(
        stack,
        untold="UsePAM cannot be told: `sshd -T` says nothing (it needs root), nor does sshd_config",
    )


def study(stack: Stack, conf: tuple[str, str] | None) -> Study:
    """Return what an auth stack does with wrong passwords; `conf` is the path and text of faillock.conf."""
    if stack.unreadable:
        return Study(stack, untold=f"{stack.unreadable} cannot be read")
    lines = [handler for handler in stack.handlers if _counts(handler)]
    settings = {handler.where: counter(handler, conf) for handler in lines}
    if other := [where for where, line in settings.items() if line is None]:
        return Study(stack, untold=f"{other[0]} reads a file of its own (conf=)")
    counters = {where: line for where, line in settings.items() if line is not None}
    if odd := [line.book for line in counters.values() if line.action != "tally2" and not _holds_books(line.book)]:
        return Study(stack, untold=f"whether {odd[0]} can hold the counts of failures cannot be told")
    groups = worlds(stack.handlers, _known)
    if not groups:
        return Study(stack, untold="too many modules whose answers are not known")
    found = [[_play(Trial(stack.handlers, counters, world)) for world in group] for group in groups]
    return _conclude(stack, tuple(counters.values()), found)


def _holds_books(directory: str) -> bool:
    """Whether pam_faillock can count there: it makes the directory but not its parents, and else counts nothing."""
    return posixpath.dirname(directory) in ("/run", "/var/run", "/var", "/var/lib", "/var/log", "/var/cache")


def _counts(handler: Handler) -> bool:
    return handler.kind == "module" and handler.module in (FAILLOCK, TALLY2)


def _known(handler: Handler) -> bool:
    return handler.module in (FAILLOCK, TALLY2) or handler.module in _PASSWORD_MODULES


def _play(trial: Trial) -> Lock | str:
    """Offer wrong passwords until the right one is refused.

    Returns the lock; `never`; or why this world says nothing of passwords: `shut` (the right one is refused from the
    start), `anything` (a wrong one is accepted).
    """
    if not trial.would_accept():
        return "shut"
    most = max([min(line.deny, _MOST_ATTEMPTS) for line in trial.counters.values()], default=0) + 2
    for attempt in range(1, most + 1):
        if trial.accepts(right=False):
            return "anything"
        if not trial.would_accept():
            ends = sorted({line.shortest_unlock for line in trial.counters.values() if line.shortest_unlock})
            return Lock(attempt, next((end for end in ends if trial.would_accept(end + 1)), 0))
    return "never"


def _conclude(stack: Stack, counters: tuple[Counter, ...], found: list[list[Lock | str]]) -> Study:
    everything = [result for group in found for result in group]
    answers = [
        None if "never" in group else [result for result in group if isinstance(result, Lock)]
        for group in found
        if any(isinstance(result, Lock) or result == "never" for result in group)
    ]
    unknown = ", ".join(unknown_modules(stack.handlers, _known))
    if all(result == "anything" for result in everything):
        return Study(stack, counters, open="lets people in whatever the password")
    if not answers:
        return Study(stack, counters, untold=f"what {unknown} does is not known" if unknown else "")
    if all(locks is None for locks in answers):
        why = (
            "the right password is accepted after any number of wrong ones"
            if counters
            else "counts no failed passwords"
        )
        return Study(stack, counters, open=why)
    if any(locks is None for locks in answers):
        return Study(stack, counters, untold=f"that depends on {unknown}, whose answers are not known")
    locks = [lock for group in answers for lock in group or ()]
    if spared := [line.admins for line in counters if line.action in ("preauth", "authsucc") and line.spares_admins]:
        return Study(stack, counters, open=f"members of the group {spared[0]} are never refused (admin_group)")
    duration = min((lock.duration for lock in locks if lock.duration), default=0)
    return Study(stack, counters, Lock(max(lock.after for lock in locks), duration))


def _observe(studies: Sequence[Study]) -> Observation:
    opened = [f"{one.stack.service} ({one.stack.path}): {one.open}" for one in studies if one.open]
    untold = [f"{one.stack.service}: {one.untold}" for one in studies if one.untold]
    locked = [(one, one.lock) for one in studies if one.lock]
    if not opened and not locked and not untold:
        return Observation.not_collected("no service was found that lets people in with a password")
    if untold and not opened:
        return Observation.of({}, {}, dict.fromkeys(_LOCKOUT, "; ".join(untold)))
    if opened:
        where = ", ".join(sorted({one.stack.path for one in studies if one.open}))
        known = "services_without_lockout"
        return Observation.of({known: opened}, {known: where}, dict.fromkeys(_NUMBERS, f"no lockout: {opened[0]}"))
    slowest, most = max(locked, key=lambda pair: pair[1].after)
    shortest, least = min(locked, key=lambda pair: pair[1].duration or float("inf"))
    counting = [line.interval for one, _ in locked for line in one.counters if line.interval]
    lines = [line for one, _ in locked for line in one.counters]
    written = all({"deny", "unlock_time", "fail_interval"} <= set(line.sources) or _tally(line) for line in lines)
    facts = {
        "services_without_lockout": [],
        "lockout_after": most.after,
        "lockout_duration": least.duration,
        "lockout_counting_seconds": min(counting, default=0),
        "lockout_explicit": written,
        "lockout_binds_root": all(line.root_too for line in lines),
    }
    read_from = {
        "services_without_lockout": ", ".join(one.stack.service for one, _ in locked),
        "lockout_after": _source(slowest, "deny", most.after),
        "lockout_duration": _source(shortest, "unlock_time", least.duration),
        "lockout_counting_seconds": _source(shortest, "fail_interval", min(counting, default=0)),
    }
    return Observation.of(facts, read_from)


def _tally(line: Counter) -> bool:
    return line.action == "tally2" and "deny" in line.sources  # it refuses until reset unless it is told otherwise


def _source(one: Study, name: str, value: int) -> str:
    """Say where the value that decides was read: the line that has it, else the first line of the stack."""
    values = {"deny": "deny", "unlock_time": "shortest_unlock", "fail_interval": "interval"}
    lines = [line for line in one.counters if getattr(line, values[name]) == value] or list(one.counters)
    where = lines[0].sources.get(name, f"built-in {name} of {TALLY2 if lines[0].action == 'tally2' else FAILLOCK}")
    return f"{where} (service {one.stack.service})"


PROBE = Probe(
    id="linux.account_lockout",
    title="What becomes of wrong and empty passwords",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    version=2,
    asks={sshd_server.EFFECTIVE: (), **pam.ASKS},
)
