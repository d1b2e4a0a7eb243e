"""Everyday programs that start another program, or write any file, when asked: under sudo they are as good as root.

Editors, pagers, interpreters, archivers, package managers, container clients. A program is told by its file's name,
whatever the directory. In prescribed arguments of sudoers(5) a `*` also matches blanks, so it lets options through.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re

_TABLE = {
    # a shell is one command away from their prompt, whatever the arguments
    "interactive": """vi vim view vimdiff rvim nvim ex ed emacs nano pico joe mcedit mc ftp sftp gdb mysql mariadb psql
        sqlite irb screen tmux byobu aptitude visudo vipw vigr crontab script xterm openvt at batch chpasswd
        newusers""",
    # the same, but without the power to start programs (NOEXEC) they only show
    "pagers": "less more most man lynx w3m elinks telnet",
    # they start another program, or write where they are told, by an option or argument of the user's choice
    "by argument": """find xargs tar zip 7z cpio rsync scp ssh git awk gawk mawk nawk sed tee cp mv install ln dd chmod
        chown chgrp setfacl setcap mount tcpdump nmap strace ltrace timeout nice ionice nohup stdbuf taskset time watch
        setsid chrt prlimit setarch cpulimit sshpass rlwrap ssh-agent ssh-keygen sort split patch unzip sysctl openvpn
        expect socat nc ncat openssl curl wget make gcc cc pip apt apt-get dpkg rpm yum dnf zypper snap flatpak
        useradd usermod groupmod gpasswd chpasswd insmod modprobe kexec systemd-run run-parts start-stop-daemon
        logrotate dmsetup debugfs ansible ansible-playbook puppet salt-call flock run-mailcap capsh doas pkexec
        run0 machinectl""",
    # the user's first argument turns them into a shell; one that is prescribed holds them to it
    "by first": """python perl ruby lua node nodejs php tclsh passwd systemctl service docker podman nerdctl ctr lxc
        incus virsh kubectl crictl journalctl ip busctl gem npm yarn go cargo java jjs""",
    # they read commands when they are given no argument at all
    "interpreters": "python ruby lua node nodejs tclsh php",
}
_OF = {kind: frozenset(names.split()) for kind, names in _TABLE.items()}
_EVERY = frozenset().union(*_OF.values())
_SHELLS = "sh bash rbash dash ash ksh mksh zsh fish csh tcsh busybox su runuser env"
#: They run a file that is their argument, or hand it over: an account that may change it decides what happens.
_RUNS_ARGUMENTS = frozenset(
    f"""{_SHELLS} {_TABLE["interpreters"]} perl java awk gawk mawk nawk expect make insmod dpkg rpm apt apt-get dnf yum
    zypper nice ionice nohup timeout stdbuf setsid taskset chrt flock run-parts systemd-run start-stop-daemon script
    crontab logrotate ansible-playbook puppet docker podman chown chmod chgrp""".split()
)
#: Prescribed first arguments that start an editor, or take on what the user says next.
_SUBCOMMANDS = {
    "systemctl": ("edit", "link", "enable", "set-environment"),
    "docker": ("run", "exec", "create", "cp", "compose", "plugin"),
    "podman": ("run", "exec", "create", "cp"),
    "lxc": ("exec", "init", "launch", "config", "file"),
    "incus": ("exec", "create", "launch", "config", "file"),
    "kubectl": ("exec", "run", "apply", "create"),
    "virsh": ("define", "create", "edit", "attach-disk"),
    "ip": ("netns",),
}
#: What `passwd` is held to when it still sets the password of root.
_PASSWORD_OF_ROOT = ('""', "root")
#: Files that say who is root, or what root runs: whoever writes them is root.
_DECISIVE = re.compile(
    r"(/etc/(sudoers|sudoers[.]d/.*|sudo[.]conf|doas[.]conf|passwd|shadow|group|gshadow|crontab|cron[.].*|anacrontab"
    r"|pam[.]d/.*|polkit-1/.*|systemd/.*|ld[.]so[.].*|profile|profile[.]d/.*|bash[.]bashrc|environment|rc[.]local"
    r"|nsswitch[.]conf|security/.*|ssh/sshd_config|ssh/sshd_config[.]d/.*|init[.]d/.*)"
    r"|/var/spool/cron/.*|/root/.*|/dev/[shvn].*|(/usr)?(/local)?/s?bin/.*|(/usr)?/lib(64)?/.*)"
)
#: Patterns of paths that people may create; a regular expression without a directory means such paths, too.
_ANYBODYS = re.compile(r"\^?\(?/(home|tmp|var/tmp|dev/shm|run/user)/|\^/?[.\[]")
_FLAVOUR = re.compile(r"([-.]?[0-9][0-9.]*|\.(tiny|basic|nox|gtk3?|athena|traditional|openbsd))$")


def escape(command: str, *, noexec: bool) -> bool:
    """Whether a command of sudoers(5), a path with its arguments, lets its user do whatever he likes.

    `noexec` says that it cannot start other programs. A path that is a directory is not told.
    """
    path, _, arguments = command.partition(" ")
    name = path.rpartition("/")[2]
    if name == "sudoedit":
        return not arguments or _open(arguments) or _decides(arguments)
    if _open(path) and _ANYBODYS.match(path):
        return True
    programs = _expressed(path) if path.startswith("^") else _programs(name)
    if programs & _OF["interactive"]:
        return True
    if noexec:
        return False
    if programs & _OF["pagers"]:
        return True
    if "passwd" in programs and arguments in _PASSWORD_OF_ROOT:
        return True
    if arguments == '""':
        return bool(programs & _OF["interpreters"])
    first = arguments.partition(" ")[0]
    if "tee" in programs and _decides(arguments):
        return True
    if programs & _OF["by first"] and (not arguments or _open(first)):
        return True
    free = not arguments or _open(arguments)
    if any(first in _SUBCOMMANDS.get(each, ()) for each in programs) and (free or first == "edit"):
        return True
    return free and bool(programs & _OF["by argument"])


def _decides(arguments: str) -> bool:
    return any(_DECISIVE.fullmatch(posixpath.normpath(word)) for word in arguments.split() if word.startswith("/"))


def _open(arguments: str) -> bool:
    return bool(set(arguments) & set("*?[^"))


def _expressed(pattern: str) -> frozenset[str]:
    """Return the programs that a regular expression means; one that Python does not read may mean any."""
    try:
        expression = re.compile(pattern)
    except re.error:
        return _EVERY
    return frozenset(
        name
        for name in _EVERY
        if any(expression.search(f"{directory}/{name}") for directory in ("/bin", "/usr/bin", "/usr/sbin"))
    )


def runs_arguments(path: str) -> bool:
    """Whether a program runs, or changes the owner of, the files that its arguments name."""
    name = path.rpartition("/")[2]
    return bool({name, _FLAVOUR.sub("", name)} & _RUNS_ARGUMENTS)


def _programs(name: str) -> frozenset[str]:
    """Return the programs of our lists that a file's name means: `python3.11` is python, `vim.tiny` is vim."""
    if set(name) & set("*?["):
        return frozenset(each for each in _EVERY if fnmatch.fnmatchcase(each, name))
    return frozenset({name, _FLAVOUR.sub("", name)}) & _EVERY
