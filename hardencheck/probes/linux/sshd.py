"""How the SSH server lets people in, in every context that its configuration knows: root, passwords, empty passwords.

Reads: `sshd -T` (the global settings as sshd itself sees them), `sshd -V`, /etc/ssh/sshd_config,
/etc/ssh/sshd_config.d and every file that they include, wherever it is (for the Match blocks, which `sshd -T` does not
show), the command lines of running servers, and which files are newer than the moment when a server last read them
(its pid file's time; else its start).
Needs: root.
Facts: root_login, every value of PermitRootLogin that some connection of root can meet (yes, no, prohibit-password,
forced-commands-only), sorted; `no` when DenyUsers refuses root. password_login, the contexts in which nothing but
passwords is asked for: sshd offers `password`, or `keyboard-interactive` with PAM behind it, and AuthenticationMethods
does not demand more. Each names what opens it and the Match block, if any. empty_passwords, every value of
PermitEmptyPasswords that can be met. root_login_lines and empty_password_lines, the values of all lines of
PermitRootLogin and PermitEmptyPasswords, whatever their effect, as a search of the files finds them: some auditors ask
for an explicit line.
Absent when: another SSH server (dropbear, an sshd from /usr/local) runs, sshd was started with another file or still
runs with an older one, or sshd refuses its configuration. A server inside a container is another host.
No SSH server at all: not applicable.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux.sshd_config import Setting
from hardencheck.probes.linux.sshd_contexts import Outcome, outcomes
from hardencheck.probes.linux.sshd_server import ASKS, SCRIPT, absent, cut, plain, servers, where
from hardencheck.probes.output import read

_VALUES: JsonSchema = {"type": "array", "items": {"type": "string"}}
FACTS: dict[str, JsonSchema] = {
    "root_login": {
        "type": "array",
        "items": {"enum": ["yes", "no", "prohibit-password", "forced-commands-only"]},
    },
    "password_login": _VALUES,
    "empty_passwords": {"type": "array", "items": {"enum": ["yes", "no"]}},
    "root_login_lines": _VALUES,
    "empty_password_lines": _VALUES,
}
_ROOT, _EMPTY = "permitrootlogin", "permitemptypasswords"
_PASSWORD, _INTERACTIVE, _PAM, _METHODS = _WAYS = (
    "passwordauthentication",
    "kbdinteractiveauthentication",
    "usepam",
    "authenticationmethods",
)


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what a connection can meet: see the module's docstring for the facts."""
    output = read(capture)
    if absent(output):
        return Observation.not_applicable("no SSH server is installed or running")
    found = servers(output, (_ROOT, _EMPTY, *_WAYS))
    if isinstance(found, str):
        return Observation.not_collected(found)
    written = found.written
    root: dict[Setting, str] = {}
    empty: dict[Setting, str] = {}
    opened: dict[str, str] = {}
    closed: dict[Setting, str] = {}
    for given in found.settings:
        if refused := _denied(given):
            root[refused] = "no"
        else:
            root |= {each[_ROOT]: plain(each[_ROOT]) for each in outcomes(given, (_ROOT,), "root")}
        empty |= {each[_EMPTY]: plain(each[_EMPTY]) for each in outcomes(given, (_EMPTY,))}
        ways = list(outcomes(given, _WAYS))
        closed |= {setting: "" for each in ways for setting in each.values()}
        opened |= dict(filter(None, map(_opened, ways)))
    facts = {
        "root_login": sorted(set(root.values())),
        "password_login": cut(sorted(opened)),
        "empty_passwords": sorted(set(empty.values())),
        "root_login_lines": [plain(each) for each in written if each.keyword == _ROOT],
        "empty_password_lines": [plain(each) for each in written if each.keyword == _EMPTY],
    }
    if why := _strange(facts):
        return Observation.not_collected(why)
    return Observation.of(
        facts,
        {
            "root_login": where(root),
            "password_login": "; ".join(cut(sorted(set(opened.values())))) or where(closed),
            "empty_passwords": where(empty),
            "root_login_lines": _lines(written, _ROOT),
            "empty_password_lines": _lines(written, _EMPTY),
        },
    )


def _denied(given: Sequence[Setting]) -> Setting | None:
    """Return the line of DenyUsers that refuses root wherever he comes from; a Match block may replace the list."""
    lines = [each for each in given if each.keyword == "denyusers"]
    if any(each.criteria for each in lines):
        return None
    return next((each for each in lines if "root" in each.value.split(" ")), None)


def _opened(outcome: Outcome) -> tuple[str, str] | None:
    """Say how nothing but passwords opens an account in this context, and where that is set; else nothing.

    auth2.c: of AuthenticationMethods, lists that name a method which is off are passed over. The method
    keyboard-interactive has nobody to ask but PAM.
    """
    offered = {
        "password": plain(outcome[_PASSWORD]) != "no",
        "keyboard-interactive": plain(outcome[_INTERACTIVE]) != "no" and plain(outcome[_PAM]) != "no",
    }
    offered["none"] = offered["password"]  # an empty password, where it is permitted
    methods = outcome[_METHODS].value.lower().split()
    lists = [each.split(",") for each in methods if each != "any"] or [["password"], ["keyboard-interactive"]]
    enough = [each for each in lists if all(offered.get(name.partition(":")[0], False) for name in each)]
    if not enough:
        return None
    asked = {name.partition(":")[0] for each in enough for name in each}
    deciding = {
        "none": [outcome[_PASSWORD]],
        "password": [outcome[_PASSWORD]],
        "keyboard-interactive": [outcome[_INTERACTIVE], outcome[_PAM]],
    }
    behind = [setting for name in sorted(asked) for setting in deciding[name]]
    behind += [outcome[_METHODS]] if outcome[_METHODS].value.lower() != "any" else []
    blocks = sorted({setting.match for setting in outcome.values() if setting.match})
    context = " and ".join(f"Match {match}" for match in blocks) or "everyone"
    return f"{context}: {', '.join(sorted(asked))}", where(dict.fromkeys(behind, ""))


def _strange(facts: dict[str, list[str]]) -> str:
    """Say which value sshd would not take, when sshd itself could not be asked; else nothing."""
    known = {"root_login": {"yes", "no", "prohibit-password", "forced-commands-only"}, "empty_passwords": {"yes", "no"}}
    for fact, values in known.items():
        if odd := sorted(set(facts[fact]) - values):
            return f"{fact}: sshd does not know the value {odd[0]!r}"
    return ""


def _lines(written: Iterable[Setting], keyword: str) -> str:
    found = [f"{each.where} {each.value}" for each in written if each.keyword == keyword]
    return ", ".join(cut(found)) or "no line in the files that sshd reads"


PROBE = Probe(
    id="linux.sshd",
    title="SSH server: root, passwords, empty passwords",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=20,
    asks=ASKS,
)
