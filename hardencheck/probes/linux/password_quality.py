"""Whether a weak password can be set: which module looks at new ones, whether its word counts, how long is enough.

The password stack of every program that sets passwords is played through with passwords that are too weak, too short
or in the dictionary, as a local user who is not root. So the whole stack counts: `optional` lines, something
`sufficient` above the quality module, jumps, and a pam_unix that asks anew because it lacks `use_authtok`.

Reads: /etc/pam.d, /usr/lib/pam.d, /usr/etc/pam.d, /etc/pam.conf, /etc/security/pwquality.conf and its .d,
/etc/passwdqc.conf, the names of the installed PAM modules, which programs that set passwords are installed.
Needs: nothing.
Facts: `quality_enforced` is true when every program that can set a password leaves the last word to a quality module;
`stacks_without_quality` names those that do not. `quality_modules` are the modules that have the last word somewhere.
`effective_min_length` is the shortest password that any program takes, credits counted. `dictionary_checked` tells
whether words of the dictionary are refused everywhere, `enforced_for_root` whether root is bound too.
Absent when: the host has no PAM.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe, System
from hardencheck.probes.linux import pam
from hardencheck.probes.linux.pam import Configuration, Handler, Stack
from hardencheck.probes.linux.pam_dispatch import dispatch
from hardencheck.probes.linux.pam_modules import World, answer, unknown_modules, worlds
from hardencheck.probes.linux.pwquality import CONF, CONF_D, MODULES, PASSWDQC_CONF, Quality, quality, unix_length
from hardencheck.probes.output import Output, read

#: Services that set passwords, and the programs that use them; login, sshd and su do when a password has expired.
SERVICES = {
    "passwd": ("passwd",), "chpasswd": ("chpasswd",), "newusers": (), "login": ("login",), "sshd": ("sshd",),
    "su": ("su",), "su-l": (), "gdm-password": ("gdm3", "gdm"), "lightdm": ("lightdm",), "sddm": ("sddm",),
}  # fmt: skip

SCRIPT = (
    pam.SCRIPT
    + r"""
files /etc/security/pwquality.conf /etc/security/pwquality.conf.d/*.conf /etc/security/pwquality.conf.d/.*.conf
files /etc/passwdqc.conf
run programs installed passwd chpasswd login sshd su gdm3 gdm lightdm sddm
run drop_ins sh -c '[ ! -d /etc/security/pwquality.conf.d ] || ls -a /etc/security/pwquality.conf.d >/dev/null 2>&1'
"""
)

FACTS: dict[str, JsonSchema] = {
    "quality_enforced": {"type": "boolean"},
    "quality_modules": {"type": "array", "items": {"type": "string"}},
    "stacks_without_quality": {"type": "array", "items": {"type": "string"}},
    "effective_min_length": {"type": "integer"},
    "dictionary_checked": {"type": "boolean"},
    "enforced_for_root": {"type": "boolean"},
}
_ENDLESS = 1_000_000

#: Tells whether a quality module with these demands refuses the password that is tried.
Refuses = Callable[[Quality], bool]


@dataclass(slots=True)
class Change:
    """One attempt to set a password: what the modules hand on to each other, and whether a password was stored.

    `token` tells whether a password lies ready that the modules before did not refuse.
    """

    demands: dict[str, Quality]
    world: World
    refuses: Refuses
    length: int
    system: System
    token: bool = False
    stored: bool = False

    def call(self, handler: Handler) -> str:
        """Run one module; a module without `use_authtok` asks for a password when none lies ready."""
        if handler.module not in (*MODULES, "pam_unix", "pam_unix2", "pam_pwhistory"):
            return answer(handler, self.world)
        if not self.token and {"use_authtok", "use_first_pass"}.intersection(handler.args):
            return "authtok_err"
        if handler.module in MODULES:
            demand = self.demands[handler.where]
            self.token = not (demand.enforcing and self.refuses(demand))
            return "success" if self.token else demand.refusal
        if handler.module == "pam_unix" and self.length < unix_length(handler, self.system):
            self.token = False
            return "authtok_err"
        self.token = True
        self.stored = self.stored or handler.module != "pam_pwhistory"
        return "success"


@dataclass(frozen=True, slots=True)
class Study:
    """One program's password stack with the demands of its quality modules, by the place of their lines."""

    stack: Stack
    demands: dict[str, Quality]
    groups: list[list[World]]
    system: System

    def takes(self, refuses: Refuses, length: int = _ENDLESS) -> set[bool]:
        """Return whether such a password can be set: one answer, or both when unknown modules decide."""
        answers = set()
        for group in self.groups:
            useful = [world for world in group if self._sets(world, _never, _ENDLESS)]
            if useful:
                answers.add(any(self._sets(world, refuses, length) for world in useful))
        return answers

    def shortest(self) -> int:
        """Return the length of the shortest password that can be set, in the worst world."""
        own = {unix_length(handler, self.system) for handler in self.stack.handlers if handler.module == "pam_unix"}
        candidates = sorted({0, *own, *(demand.length for demand in self.demands.values())})
        for length in candidates:
            if True in self.takes(lambda demand, length=length: length < demand.length, length):  # type: ignore[misc]
                return length
        return candidates[-1]

    def _sets(self, world: World, refuses: Refuses, length: int) -> bool:
        change = Change(self.demands, world, refuses, length, self.system)
        return dispatch(self.stack.handlers, change.call) == "success" or change.stored

    @property
    def title(self) -> str:
        """The service and its file, for people."""
        return f"{self.stack.service} ({self.stack.path})"


def _never(_: Quality) -> bool:
    return False


def _always(_: Quality) -> bool:
    return True


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what holds for new passwords; see the module's docstring for the facts."""
    output = read(capture)
    configuration = Configuration(output, context.system)
    if configuration.absent:
        return Observation.does_not_exist("there is no PAM configuration: nothing looks at new passwords")
    if problem := configuration.problem or _unreadable(output):
        return Observation.not_collected(problem)
    programs = set(output.run("programs").lines)
    studies, untold = [], []
    for service, users in SERVICES.items():
        if not configuration.has(service) and not programs.intersection(users):
            continue
        stack = configuration.stack(service, pam.PASSWORD)
        study = _study(stack, output, context.system)
        if isinstance(study, str):
            untold.append(f"{service}: {study}")
        elif study.takes(_never) == {True}:
            studies.append(study)
        elif unknown := ", ".join(unknown_modules(stack.handlers, _known)):
            untold.append(f"{service}: what {unknown} does is not known")
    return _observe(studies, untold)


def _unreadable(output: Output) -> str:
    if output.run("drop_ins").status != 0:
        return f"{CONF_D} cannot be listed"
    mine = [path for path in output.unreadable if path in (CONF, PASSWDQC_CONF) or path.startswith(CONF_D)]
    return f"{mine[0]} cannot be read" if mine else ""


def _study(stack: Stack, output: Output, system: System) -> Study | str:
    """Return the study of one stack, or why it cannot be made."""
    if stack.unreadable:
        return f"{stack.unreadable} cannot be read"
    demands = {}
    for handler in stack.handlers:
        if handler.kind == "module" and handler.module in MODULES:
            demand = quality(handler, output.files, system)
            if demand is None:
                return f"the settings of {handler.where} cannot be told"
            demands[handler.where] = demand
    groups = worlds(stack.handlers, _known)
    return Study(stack, demands, groups, system) if groups else "too many modules whose answers are not known"


def _known(handler: Handler) -> bool:
    return handler.module in (*MODULES, "pam_unix", "pam_unix2", "pam_pwhistory")


def _observe(studies: Sequence[Study], untold: list[str]) -> Observation:
    verdicts = {study.title: (study, study.takes(_always)) for study in studies}
    open_ = [title for title, (_, answers) in verdicts.items() if answers == {True}]
    for title, (study, answers) in verdicts.items():
        if len(answers) > 1:
            untold.append(f"{title}: that depends on {', '.join(unknown_modules(study.stack.handlers, _known))}")
    if untold and not open_:
        return Observation.of({}, {}, dict.fromkeys(FACTS, "; ".join(untold)))
    if not studies:
        return Observation.not_collected("no program was found that can set a password")
    if untold:
        known = {"quality_enforced": False, "stacks_without_quality": open_}
        rest = dict.fromkeys(set(FACTS) - set(known), "; ".join(untold))
        return Observation.of(known, dict.fromkeys(known, ", ".join(open_)), rest)
    closed = [study for study, answers in verdicts.values() if answers == {False}]
    weakest = min(studies, key=Study.shortest)
    facts = {
        "quality_enforced": not open_,
        "quality_modules": sorted({name for study in closed for name in _enforcing(study)}),
        "stacks_without_quality": open_,
        "effective_min_length": weakest.shortest(),
        "dictionary_checked": all(study.takes(lambda demand: demand.dictionary) == {False} for study in studies),
        "enforced_for_root": all(study.takes(lambda demand: demand.for_root) == {False} for study in studies),
    }
    lines = sorted({_line(study) for study in studies})
    read_from = {
        "quality_enforced": ", ".join(lines),
        "quality_modules": ", ".join(lines),
        "stacks_without_quality": ", ".join(lines),
        "effective_min_length": _length_source(weakest),
        "dictionary_checked": _source(studies, "dictcheck", lines),
        "enforced_for_root": ", ".join(lines),
    }
    return Observation.of(facts, read_from)


def _enforcing(study: Study) -> list[str]:
    return [
        handler.module
        for handler in study.stack.handlers
        if (demand := study.demands.get(handler.where)) and demand.enforcing
    ]


def _line(study: Study) -> str:
    """Return where the quality module stands, or the file of a stack that has none."""
    return next(iter(study.demands), study.stack.path)


def _length_source(study: Study) -> str:
    shortest = study.shortest()
    for where, demand in study.demands.items():
        if demand.length == shortest:
            source = demand.sources.get("minlen", f"{where}, built-in minlen")
            return f"{source}{f', {demand.note}' if demand.note else ''} (service {study.stack.service})"
    for handler in study.stack.handlers:
        if handler.module == "pam_unix":
            return f"{handler.where}, minlen of pam_unix (service {study.stack.service})"
    return study.title


def _source(studies: Sequence[Study], name: str, lines: list[str]) -> str:
    found = {demand.sources[name] for study in studies for demand in study.demands.values() if name in demand.sources}
    return ", ".join(sorted(found)) or ", ".join(lines)


PROBE = Probe(
    id="linux.password_quality",
    title="What is demanded of new passwords",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
)
