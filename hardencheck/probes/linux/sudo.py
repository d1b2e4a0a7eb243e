"""Who may become root, and who without giving a password.

Reads: /etc/sudoers with all it includes, through `cvtsudoers` (sudo's own parser, so file names with a dot or `~`,
aliases, continuations and includes are read as sudo reads them); /etc/sudo.conf; /etc/doas.conf; polkit's rules;
/etc/passwd, /etc/group and /etc/gshadow (newgrp(1) lets its members in too); the sockets of container services;
/etc/nsswitch.conf and which directory clients are set up; owner and mode of the files that sudoers and doas.conf name
as commands, and of the directories above them; PAM's service files.
Needs: root (sudoers is 0440).
Facts: passwordless_root, who may run as root, without a password, every command or one that is as good as that (a
shell, su, a whole directory of programs): account names, `%group`, `+netgroup`. passwordless_programs, `user: command`
for whoever may so run a program with a way out to a shell or to any file: an editor, tar, find, docker; any program to
which sudo hands on variables like LD_PRELOAD; a file that others than root may change. password_remembered, the
Defaults by which sudo asks again never, or after more than a day. password_skipped, the PAM services by which somebody
becomes root (sudo, su, doas) that let him in whatever he types, with the line that does so. root_holders, the accounts
beside root that can become it, with a password or without: by sudo or doas, by changing what sudo runs, as one of
polkit's administrators, as member of a group that is as good as root (docker, lxd, disk, ...), by user id 0.
directory_root_holders, none, unless accounts and groups also come from a directory. bypass_lines, file:line of each
NOPASSWD or !authenticate below /etc/sudoers and /etc/sudoers.d, also in files that sudo passes over. timeout_lines, the
values of timestamp_timeout that apply to everybody.
Absent when: cvtsudoers is missing or refuses the file, sudo is sudo-rs, or sudoers also come from a directory (LDAP,
SSSD), from another file or from another plugin (/etc/sudo.conf). directory_root_holders, when such a directory is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import command_files, doas, pam, polkit, root_groups
from hardencheck.probes.linux.command_files import Files
from hardencheck.probes.linux.pam_bypass import Bypass, bypass
from hardencheck.probes.linux.root_groups import EQUIVALENT, Accounts
from hardencheck.probes.linux.sudoers import ROOT, Sudoers, read_sudoers
from hardencheck.probes.output import Output, read

SUDOERS = "/etc/sudoers"
DOAS = ("/etc/doas.conf", "/usr/local/etc/doas.conf")
CONF = "/etc/sudo.conf"

SCRIPT = (
    r"""
run hostname uname -n
version() { sudo -V 2>/dev/null | head -n 1; }
run sudo command -v sudo
run version version
run sudoers_file [ -e /etc/sudoers ]
sudoers=$(cvtsudoers -c /dev/null -e -f json /etc/sudoers)
status=$?
listed() { printf '%s\n' "$sudoers"; return "$status"; }
run sudoers listed
bypass() {
  grep -rniE 'nopasswd|! *authenticate' /etc/sudoers /etc/sudoers.d 2>/dev/null |
    sed -n '/^[^:]*:[0-9]*:[[:space:]]*#/d; s/^\([^:]*:[0-9]*\):.*/\1/p' | sort | head -n 200
}
run bypass bypass
run directory grep -iE '^[[:space:]]*(sudoers|passwd|group|initgroups):' /etc/nsswitch.conf
clients() {
  for path in /etc/sssd/sssd.conf /etc/sssd/conf.d/*.conf; do [ ! -e "$path" ] || { echo sss && break; }; done
}
run clients clients
sockets() {
  set --
  for path in /run/docker.sock /run/containerd/containerd.sock /run/podman/podman.sock /run/crio/crio.sock \
    /var/lib/lxd/unix.socket /var/snap/lxd/common/lxd/unix.socket /var/lib/incus/unix.socket; do
    [ ! -e "$path" ] || set -- "$@" "$path"
  done
  [ "$#" -eq 0 ] || ls -ldn "$@"
}
run sockets sockets
"""
    + root_groups.COLLECT
    + command_files.COLLECT
    + pam.SCRIPT
    + f"files {CONF} {' '.join(DOAS)} /etc/doas.d/*.conf {polkit.PATHS}\n"
)
_LIST: JsonSchema = {"type": "array", "items": {"type": "string"}}
FACTS: dict[str, JsonSchema] = dict.fromkeys(
    (
        "passwordless_root",
        "passwordless_programs",
        "password_remembered",
        "password_skipped",
        "root_holders",
        "directory_root_holders",
        "bypass_lines",
        "timeout_lines",
    ),
    _LIST,
)
_MOST = 20
_OF_ROOT = ("su", "su-l")
_SERVICES = ("sudo", "sudo-i", "doas", *_OF_ROOT)


def parse(capture: Capture, context: Context) -> Observation:
    """Yield who may become root, and how; see the module's docstring for the facts."""
    output = read(capture)
    known = Accounts(_rows(output, "accounts"), _rows(output, "groups"), _rows(output, "gshadow"))
    files = command_files.command_files(output, known)
    sudoers, why = _sudoers(output, files)
    written = [path for path in output.files if path in DOAS or path.startswith("/etc/doas.d/")]
    rules = [rule for path in sorted(written) for rule in doas.rules(output.files[path], path, files.loose)]
    names, programs = sudoers.passwordless()
    names |= {rule.identity for rule in rules if rule.nopass and not rule.program}
    programs |= {f"{rule.identity}: {rule.program}" for rule in rules if rule.nopass and rule.program}
    why = why or _elsewhere(output) or files.problem
    if why and not names:
        return Observation.not_collected(why)
    by_doas = {rule.identity: rule.where for rule in rules if rule.nopass}
    installed = output.run("sudo").status == 0 or output.run("sudoers_file").status == 0
    source = SUDOERS if installed else "sudo is not installed"
    facts = {"passwordless_root": sorted(names)}
    read_from = {"passwordless_root": _join([by_doas.get(name, source) for name in sorted(names)]) or source}
    if why:
        return Observation.of(facts, read_from, dict.fromkeys(set(FACTS) - set(facts), why))
    bypasses = _bypasses(output, context, sudoers)
    holders = _holders(output, sudoers, rules, known)
    for one in (bypasses[name] for name in _OF_ROOT if name in bypasses and bypasses[name].open):
        for name in known.resolve(one.who) - ROOT:
            holders.setdefault(name, f"su without a password ({one.text})")
    facts |= {
        "passwordless_programs": sorted(programs),
        "password_remembered": sudoers.remembered(),
        "root_holders": sorted(holders),
        "bypass_lines": output.run("bypass").lines[:_MOST],
        "timeout_lines": sudoers.texts("timestamp_timeout"),
    }
    read_from |= dict.fromkeys(("passwordless_programs", "password_remembered", "timeout_lines"), source)
    read_from |= {
        "root_holders": _join([f"{name} by {how}" for name, how in sorted(holders.items())]) or source,
        "bypass_lines": "/etc/sudoers, /etc/sudoers.d",
    }
    missing: dict[str, str] = {}
    if directory := _directory(output):
        missing["directory_root_holders"] = directory
    else:
        facts["directory_root_holders"], read_from["directory_root_holders"] = [], "/etc/nsswitch.conf"
    skipped = [one.text for one in bypasses.values() if one.open]
    unsure = [one.text for one in bypasses.values() if one.open is None]
    if unsure and not skipped:
        missing["password_skipped"] = "; ".join(unsure)
    else:
        facts |= {"password_skipped": skipped}
        read_from |= {"password_skipped": "the auth lines of PAM for sudo, su and doas"}
    if programs:
        changed = {f"{name} may change {command}" for name, command in sudoers.changeable(ROOT)}
        read_from["passwordless_programs"] = _join([source, *sorted(changed)])
    return Observation.of(facts, read_from, missing)


def _bypasses(output: Output, context: Context, sudoers: Sudoers) -> dict[str, Bypass]:
    """Return what PAM asks of those who become root, by service."""
    configuration = pam.Configuration(output, context.system)
    if configuration.absent:
        return {}
    if configuration.problem:
        return {"": Bypass(None, configuration.problem)}
    given = [*sudoers.texts("pam_service"), *sudoers.texts("pam_login_service"), *sudoers.texts("pam_askpass_service")]
    names = [name for name in (*_SERVICES, *given) if configuration.has(name)]
    return {name: bypass(configuration.stack(name, pam.AUTH), of_root=name in _OF_ROOT) for name in names}


def _sudoers(output: Output, files: Files) -> tuple[Sudoers, str]:
    """Return the entries of sudoers, and why they cannot be told."""
    listed, nothing = output.run("sudoers"), Sudoers([], [])
    is_other = output.run("version").text.startswith("sudo-rs")
    other = "sudo is sudo-rs here, whose reading of sudoers is another" if is_other else ""
    if listed.status == 0:
        return read_sudoers(listed.text, output.run("hostname").text.strip(), files), other
    if output.run("sudo").status != 0 and output.run("sudoers_file").status != 0:
        return nothing, ""
    if listed.missing:
        return nothing, other or "cvtsudoers is not installed, so sudoers cannot be read as sudo reads it"
    return nothing, f"cvtsudoers could not read {SUDOERS}; visudo -c says why"


def _elsewhere(output: Output) -> str:
    """Say where else sudo finds rules, beside or instead of /etc/sudoers; else nothing."""
    words = _services(output, "sudoers")
    remote = {"ldap", "nis", "nisplus", *(["sss"] if output.run("clients").text.strip() else [])}
    if directory := " and ".join(word for word in words if word in remote):
        return f"sudoers also come from {directory} (/etc/nsswitch.conf), which cannot be seen on the host"
    for line in output.files.get(CONF, "").replace("\\\n", " ").split("\n"):
        words = line.partition("#")[0].split()
        if len(words) < 3 or words[0].lower() != "plugin" or not words[1].endswith("policy"):
            continue
        other = [word for word in words[3:] if word.startswith("sudoers_file=") and word != f"sudoers_file={SUDOERS}"]
        if other or words[1] != "sudoers_policy":
            return f"{CONF} makes sudo use {(other or words[1:])[0]}, which is not read"
    return ""


def _services(output: Output, database: str) -> list[str]:
    """Return the sources of one database in /etc/nsswitch.conf."""
    for line in output.run("directory").lines:
        name, _, words = line.partition("#")[0].partition(":")
        if name.strip().lower() == database:
            return words.split()
    return []


def _directory(output: Output) -> str:
    """Say which directory may put more accounts into the groups that count; else nothing.

    The Red Hat family names sss in every nsswitch.conf; without a configuration sssd knows no directory.
    """
    local = {"files", "compat", "systemd", "db", "altfiles", "myhostname", "mymachines"}
    if not output.run("clients").text.strip():
        local.add("sss")
    named = [
        word
        for database in ("passwd", "group", "initgroups")
        for word in _services(output, database)
        if word not in local and not word.startswith("[") and not word.endswith("]")
    ]
    nis = any(line.startswith("+") for label in ("accounts", "groups") for line in output.run(label).lines)
    named += ["nis"] if nis else []
    if not named:
        return ""
    return f"accounts and groups also come from {', '.join(dict.fromkeys(named))}, which cannot be seen on the host"


def _holders(output: Output, sudoers: Sudoers, rules: Sequence[doas.Rule], known: Accounts) -> dict[str, str]:
    """Return every account beside root that can become root, with the first way that was found."""
    found: dict[str, str] = {}

    def add(principal: str, how: str) -> None:
        for name in known.resolve(principal):
            found.setdefault(name, how)

    add("#0", "user id 0 (/etc/passwd)")
    for group in EQUIVALENT:
        add(f"%{group}", f"group {group}")
    for rule in rules:
        add(rule.identity, f"doas {rule.program}".strip() + f" ({rule.where})")
    for line in output.run("sockets").lines:
        words = line.split()
        mode, group, path = words[0], words[3], words[-1]
        if mode[8:9] == "w":
            add("ALL", f"{path}, which everybody may write to")
        if mode[5:6] == "w":
            add(f"%#{group}", f"{path}, which the group may write to")
    listed = Accounts(known.accounts, known.groups)  # polkit asks the account files, where newgrp(1) changes nothing
    admins = {
        name: f"polkit ({path})"
        for principal, path in polkit.administrators(output.files).items()
        for name in listed.resolve(principal)
    }
    before = -1
    while before != len(found):  # whoever runs commands as one of them, or changes what they run, is one of them
        before = len(found)
        for name, how in _by_sudo(sudoers, known, frozenset(ROOT | set(found) | set(admins))):
            found.setdefault(name, how)
    for name, how in admins.items():
        found.setdefault(name, how)
    return {name: how for name, how in found.items() if name not in ROOT}


def _by_sudo(sudoers: Sudoers, known: Accounts, targets: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield who becomes one of these accounts by sudo, and how."""
    for entry, how in sudoers.powerful(targets):
        refused = {name for each in entry.refused for name in known.resolve(each)}
        for principal in entry.users:
            if principal == "ALL" and sudoers.asks_for_roots_password() and entry.authenticate is not False:
                continue  # whoever knows that password needs no sudo
            yield from ((name, f"{how} ({SUDOERS}, {principal})") for name in known.resolve(principal) - refused)
    for name, command in sudoers.changeable(targets):
        yield name, f"its right to change {command}, which sudo runs as root"


def _rows(output: Output, label: str) -> list[list[str]]:
    """Return the fields of the lines of an account file; a host without /etc/gshadow has none of it."""
    if label == "gshadow" and label not in output.runs:
        return []
    run, fields = output.run(label), 2 if label == "gshadow" else 3
    rows = [line.split(":") for line in run.lines]
    if run.status != 0 or (not rows and label != "gshadow") or any(len(row) != fields for row in rows):
        raise CaptureUnreadable(f"/etc/{label} could not be read whole (exit status {run.status})")
    return rows


def _join(items: list[str]) -> str:
    listed = list(dict.fromkeys(items))
    return ", ".join(listed[:_MOST]) + (f" and {len(listed) - _MOST} more" if len(listed) > _MOST else "")


PROBE = Probe(
    id="linux.sudo",
    title="Who may become root, and who without a password",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=20,
    version=2,
    asks=pam.ASKS,
)
