"""What becomes of new passwords: whether a weak or an old one can be set, and how the new one is hashed.

The password stack of every program that sets passwords is played through with passwords that are too weak, too short,
in the dictionary or in use before, as a local user who is not root. So the whole stack counts: `optional` lines,
something `sufficient` above the quality module, jumps, and a pam_unix that asks anew because it lacks `use_authtok`.

Reads: /etc/pam.d, /usr/lib/pam.d, /usr/etc/pam.d, /etc/pam.conf, /etc/security/pwquality.conf and its .d,
/etc/passwdqc.conf, pwhistory.conf, login.defs, the names of the installed PAM modules and whether they know yescrypt
and pwhistory.conf, which programs that set passwords are installed, whether chpasswd is linked with libpam.
Needs: nothing.
Facts: `quality_enforced` is true when every program that can set a password leaves the last word to a quality module;
`stacks_without_quality` names those that do not. `quality_modules` are the modules that have the last word somewhere.
`effective_min_length` is the shortest password that any program takes, credits counted. `required_character_classes`
is how many of capitals, small letters, digits and others it must mix at the least. `dictionary_checked` tells
whether words of the dictionary are refused everywhere, `enforced_for_root` whether root is bound too.
`remembered_passwords` is how many of an account's last passwords every program refuses. `new_password_hashes` are the
algorithms that programs hash new passwords with, named as in linux.shadow. `written_*` is the value of a setting of the
quality module that a file or an argument gives, the weakest of all programs; null where it is only built in.
`login_defs_encrypt_method` is ENCRYPT_METHOD of login.defs, null where no line has it.
Absent when: never; a host without PAM demands nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import login_defs, pam
from hardencheck.probes.linux.login_defs import shadow_setting
from hardencheck.probes.linux.pam import Configuration, Stack
from hardencheck.probes.linux.pam_modules import unknown_modules, worlds
from hardencheck.probes.linux.pam_unix import UNIX, Hash, new_hash, shadow_hash
from hardencheck.probes.linux.password_stack import GOOD, Password, Settings, Study, known
from hardencheck.probes.linux.pwhistory import PWHISTORY, history
from hardencheck.probes.linux.pwquality import CONF, CONF_D, MODULES, PASSWDQC_CONF, quality
from hardencheck.probes.output import Output, read

#: Services that set passwords, and the programs that use them; login, sshd and su do when a password has expired.
SERVICES = {
    "passwd": ("passwd",), "chpasswd": ("chpasswd",), "newusers": (), "login": ("login",), "sshd": ("sshd",),
    "su": ("su",), "su-l": (), "gdm-password": ("gdm3", "gdm"), "lightdm": ("lightdm",), "sddm": ("sddm",),
}  # fmt: skip

SCRIPT = (
    pam.SCRIPT
    + login_defs.SCRIPT
    + r"""
knows() {
  if [ -r "$1" ]; then tr '\000' '\n' <"$1" | grep -q "$2"; else return 2; fi
}
pam_abilities() {
  if p=$(command -v chpasswd); then
    knows "$p" 'libpam[.]so'
    echo "chpasswd $?"
  fi
  for r in /lib /lib64 /usr/lib /usr/lib64; do
    [ -L "$r" ] || for d in "$r/security" "$r"/*/security; do
      if [ -e "$d/pam_unix.so" ]; then
        knows "$d/pam_unix.so" yescrypt
        echo "yescrypt $?"
        knows "$d/pam_pwhistory.so" 'pwhistory[.]conf'
        echo "pwhistory.conf $?"
      fi
    done
  done
}
files /etc/security/pwquality.conf /etc/security/pwquality.conf.d/*.conf /etc/security/pwquality.conf.d/.*.conf
files /etc/passwdqc.conf /etc/security/pwhistory.conf /usr/etc/security/pwhistory.conf
run programs installed passwd chpasswd login sshd su gdm3 gdm lightdm sddm
run pam_abilities pam_abilities
run drop_ins sh -c '[ ! -d /etc/security/pwquality.conf.d ] || ls -a /etc/security/pwquality.conf.d >/dev/null 2>&1'
"""
)

#: The settings whose written values are facts, and whether the smallest or the largest is the weakest.
_WRITTEN = {
    "minlen": min, "minclass": min, "dictcheck": min, "dcredit": max, "ucredit": max, "lcredit": max, "ocredit": max,
}  # fmt: skip
FACTS: dict[str, JsonSchema] = {
    "quality_enforced": {"type": "boolean"},
    "quality_modules": {"type": "array", "items": {"type": "string"}},
    "stacks_without_quality": {"type": "array", "items": {"type": "string"}},
    "effective_min_length": {"type": "integer"},
    "required_character_classes": {"type": "integer"},
    "dictionary_checked": {"type": "boolean"},
    "enforced_for_root": {"type": "boolean"},
    "remembered_passwords": {"type": "integer"},
    "new_password_hashes": {"type": "array", "items": {"type": "string"}},
    **{f"written_{name}": {"type": ["integer", "null"]} for name in _WRITTEN},
    "login_defs_encrypt_method": {"type": ["string", "null"]},
}


@dataclass(slots=True)
class _Told:
    """What an observation is made of, fact by fact."""

    facts: dict[str, Any]
    read_from: dict[str, str]
    missing: dict[str, str]

    def add(self, fact: str, value: Any, where: str) -> None:
        """Tell one fact."""
        self.facts[fact], self.read_from[fact] = value, where


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what holds for new passwords; see the module's docstring for the facts."""
    output = read(capture)
    configuration = Configuration(output, context.system)
    if configuration.absent:
        return _without_pam(output)
    if problem := configuration.problem or _unreadable(output):
        return Observation.not_collected(problem)
    programs = set(output.run("programs").lines)
    studies, untold = [], []
    for service, users in SERVICES.items():
        if not configuration.has(service) and not programs.intersection(users):
            continue
        stack = configuration.stack(service, pam.PASSWORD)
        study = _study(stack, output, context)
        if isinstance(study, str):
            untold.append(f"{service}: {study}")
        elif study.takes(GOOD) == {True}:
            studies.append(study)
        elif unknown := ", ".join(unknown_modules(stack.handlers, known)):
            untold.append(f"{service}: what {unknown} does is not known")
    for study in studies:
        if len(study.takes(_REFUSED)) > 1:
            untold.append(f"{study.title}: that depends on {', '.join(unknown_modules(study.stack.handlers, known))}")
    if not studies and not untold:
        return Observation.not_collected("no program was found that can set a password")
    told = _quality(studies, untold)
    _add_history(told, studies, untold)
    _add_hashes(told, studies, untold, (output, _outside_pam(output)))
    _add_login_defs(told, output)
    return Observation.of(told.facts, told.read_from, told.missing)


def _without_pam(output: Output) -> Observation:
    """Yield that nothing is demanded; how new passwords are hashed is known where the shadow programs are there."""
    why = "there is no PAM configuration: nothing looks at new passwords"
    nothing: dict[str, Any] = {
        "quality_enforced": False, "quality_modules": [], "stacks_without_quality": [why], "effective_min_length": 0,
        "required_character_classes": 0, "dictionary_checked": False, "enforced_for_root": False,
        "remembered_passwords": 0, **{f"written_{name}": None for name in _WRITTEN},
    }  # fmt: skip
    told = _Told(nothing, dict.fromkeys(nothing, why), {})
    shadow = "useradd" in output.run("shadow_programs").lines
    _add_hashes(told, [], [], (output, _outside_pam(output) if shadow else []))
    _add_login_defs(told, output)
    return Observation.of(told.facts, told.read_from, told.missing)


_REFUSED = Password(lambda _: True)


def _unreadable(output: Output) -> str:
    if output.run("drop_ins").status != 0:
        return f"{CONF_D} cannot be listed"
    mine = [path for path in output.unreadable if path in (CONF, PASSWDQC_CONF) or path.startswith(CONF_D)]
    return f"{mine[0]} cannot be read" if mine else ""


def _study(stack: Stack, output: Output, context: Context) -> Study | str:
    """Return the study of one stack, or why it cannot be made."""
    if stack.unreadable:
        return f"{stack.unreadable} cannot be read"
    demands, histories = {}, {}
    for handler in stack.handlers:
        if handler.kind == "module" and handler.module in MODULES:
            demand = quality(handler, output.files, context.system)
            if demand is None:
                return f"the settings of {handler.where} cannot be told"
            demands[handler.where] = demand
        elif handler.kind == "module" and handler.module == PWHISTORY:
            histories[handler.where] = history(handler, output, _knows(output, "pwhistory.conf"))
    groups = worlds(stack.handlers, known)
    if not groups:
        return "too many modules whose answers are not known"
    return Study(stack, Settings(demands, histories, context.system), groups)


def _knows(output: Output, word: str) -> bool | None:
    """Return whether the installed modules know this word, None when that could not be told."""
    statuses = {line.rpartition(" ")[2] for line in output.run("pam_abilities").lines if line.startswith(f"{word} ")}
    return {frozenset("0"): True, frozenset("1"): False}.get(frozenset(statuses))


def _quality(studies: Sequence[Study], untold: list[str]) -> _Told:
    """Tell what is demanded of new passwords; where one program cannot be told, only that another is open."""
    names = [name for name in FACTS if name not in _OWN_WAY]
    open_ = [study.title for study in studies if study.takes(_REFUSED) == {True}]
    if untold and not open_:
        return _Told({}, {}, dict.fromkeys(names, "; ".join(untold)))
    lines = ", ".join(sorted({_line(study) for study in studies}))
    told = _Told({}, {}, {})
    if untold:
        told.add("quality_enforced", False, ", ".join(open_))
        told.add("stacks_without_quality", open_, ", ".join(open_))
        told.missing = dict.fromkeys([name for name in names if name not in told.facts], "; ".join(untold))
        return told
    closed = [study for study in studies if study.title not in open_]
    shortest = min(studies, key=Study.shortest)
    mixed = min(studies, key=Study.fewest_classes)
    told.add("quality_enforced", not open_, lines)
    told.add("quality_modules", sorted({name for study in closed for name in _enforcing(study)}), lines)
    told.add("stacks_without_quality", open_, lines)
    told.add("effective_min_length", shortest.shortest(), _length_source(shortest))
    told.add("required_character_classes", mixed.fewest_classes(), _classes_source(mixed))
    dictionary = Password(lambda demand: demand.dictionary)
    own = next((demand.own_dictionary for study in studies for demand in study.demands.values()), "")
    if own and _all_refuse(studies, dictionary):
        told.missing["dictionary_checked"] = f"{own} names a dictionary of its own: what is in it is not known"
    else:
        told.add("dictionary_checked", _all_refuse(studies, dictionary), _source(studies, "dictcheck") or lines)
    told.add("enforced_for_root", _all_refuse(studies, Password(lambda demand: demand.for_root)), lines)
    for name, weakest in _WRITTEN.items():
        values = [demand.written.get(name) for study in studies for demand in study.demands.values()]
        given = [value for value in values if value is not None]
        complete = len(given) == len(values) and all(study.demands for study in studies)
        told.add(f"written_{name}", weakest(given) if given and complete else None, _source(studies, name) or lines)
    return told


_OWN_WAY = ("remembered_passwords", "new_password_hashes", "login_defs_encrypt_method")


def _all_refuse(studies: Sequence[Study], password: Password) -> bool:
    return all(study.takes(password) == {False} for study in studies)


def _add_history(told: _Told, studies: Sequence[Study], untold: list[str]) -> None:
    """Tell how many old passwords are refused; a program that refuses none settles it, whatever others do."""
    fact = "remembered_passwords"
    problems = [one.problem for study in studies for one in study.settings.histories.values() if one.problem]
    none = [study.title for study in studies if _forgets(study)]
    if none:
        told.add(fact, 0, f"{none[0]}: no line refuses old passwords before one stores the new")
    elif problems or untold or any(study.remembers() is None for study in studies):
        told.missing[fact] = "; ".join(problems or untold) or "that depends on modules whose answers are not known"
    else:
        fewest = min(studies, key=lambda study: study.remembers() or 0)
        count = fewest.remembers() or 0
        places = [one.where for one in fewest.settings.histories.values() if one.count == count]
        told.add(fact, count, f"{(places or [f'remember= of pam_unix in {fewest.stack.path}'])[0]} ({fewest.title})")


def _forgets(study: Study) -> bool:
    return study.remembers() == 0 and not any(one.problem for one in study.settings.histories.values())


def _outside_pam(output: Output) -> list[Hash]:
    """Return how chpasswd hashes where it is built without PAM (RHEL), or may be."""
    installed = "chpasswd" in output.run("programs").lines
    return [shadow_hash(output)] if installed and not _knows(output, "chpasswd") else []


def _add_hashes(told: _Told, studies: Sequence[Study], untold: list[str], source: tuple[Output, list[Hash]]) -> None:
    fact = "new_password_hashes"
    output, outside = source
    found = list(outside)
    for study in studies:
        for handler in study.storing():
            if handler.module == UNIX:
                found.append(new_hash(handler, output, _knows(output, "yescrypt")))
            else:
                found.append(Hash("", handler.where, f"how {handler.module} hashes is not known"))
    problems = sorted({one.problem for one in found if one.problem} | set(untold))
    if problems or not found:
        told.missing[fact] = "; ".join(problems) or "no line was found that stores a password"
        return
    places: dict[str, str] = {}
    for one in found:
        places.setdefault(one.algorithm, one.where)
    told.add(fact, sorted(places), "; ".join(f"{word}: {places[word]}" for word in sorted(places)))


def _add_login_defs(told: _Told, output: Output) -> None:
    fact = "login_defs_encrypt_method"
    setting = shadow_setting(output, "ENCRYPT_METHOD")
    if setting.problem:
        told.missing[fact] = setting.problem
    else:
        told.add(fact, setting.value, setting.where or login_defs.MAIN)


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
        if handler.module == UNIX:
            return f"{handler.where}, minlen of pam_unix (service {study.stack.service})"
    return study.title


def _classes_source(study: Study) -> str:
    names = ("minclass", "dcredit", "ucredit", "lcredit", "ocredit")
    found = [demand.sources[name] for demand in study.demands.values() for name in names if name in demand.sources]
    return f"{', '.join(found) or _line(study)} (service {study.stack.service})"


def _source(studies: Sequence[Study], name: str) -> str:
    found = {demand.sources[name] for study in studies for demand in study.demands.values() if name in demand.sources}
    return ", ".join(sorted(found))


PROBE = Probe(
    id="linux.password_quality",
    title="What becomes of new passwords",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    version=2,
    asks=pam.ASKS,
)
