r"""How a script becomes root on a host: one command line for any login shell, and what goes before the script.

The command line is one line for sh, bash, csh, tcsh and fish alike, with a clean environment, and without single
quotes, newlines or exclamation marks inside its only quoted word. The script follows on standard input, after the
line `MARK`. Whoever starts the script reads that line first. So when sudo refuses, which it does without reading a
byte, the unprivileged shell finds the mark and collects what it can; but when sudo had started the script and broke
down half-way, the mark is gone and nothing runs a second time with other rights.

A password never goes in one stream with the script: sudo would take the script's lines for further tries, and lock
the account. The shell reads it with its built-in `read` (byte by byte), proves it alone with `sudo /bin/sh -c :` (the
program that is run afterwards: sudoers may ask for no password for another one), and only a proven password is used
again. Neither does a refused password reach its end of file: sudo would then fail PAM a second time with an empty try,
which pam_faillock counts. The reader of the pipe holds it open for writing too, so sudo waits for another line until it
is killed, which its own user may do as long as it asks for a password. `-k` ignores cached credentials, so that both
calls behave alike. A password that sudo did not ask for (NOPASSWD) reaches the started shell, which skips all lines
before the mark. `printf` and `read` are built into dash, bash and busybox ash: the password is never in an argument
list or an environment. Before the script, the started shell says on standard error whether sudo took the password: on
one stream with sudo's own words, so that the first of them is what counts.
"""

from __future__ import annotations

import re
from enum import StrEnum

from hardencheck.errors import AuthenticationFailed
from hardencheck.model.host import Host

#: Stands before the script on standard input whenever sudo is used.
MARK = "hardencheck-begin"

#: What sudo says (LC_ALL=C) of a password that it did not take, or `_PROVE` when sudo had to be killed.
_REFUSAL = re.compile(
    rb"^(Sorry, try again|hardencheck: sudo refused the password|"
    rb"sudo: .*(incorrect password|no password was provided|account.*locked))",
    re.MULTILINE,
)
#: What the started shell says before the script.
_ANSWER = re.compile(rb"^hardencheck: sudo (took|did not ask for) the password\n", re.MULTILINE)

_CLEAN = "exec /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C /bin/sh"
#: useradd(8)'s names; sudo's `#uid` is left out on purpose
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")

_FALLBACK = f'IFS= read -r l && [ "$l" = {MARK} ] && exec /bin/sh -s'

_WITHOUT_PASSWORD = f'sudo -n -u @USER@ /bin/sh -c "IFS= read -r l; exec /bin/sh -s"; r=$?; {_FALLBACK}; exit $r'

#: Longer than any PAM stack takes to refuse (pam_faildelay), short enough to wait for once.
_SECONDS = 10

# without a working timeout(1), the end of file has to stop sudo, and a refused password may count twice
_PROVE = (
    f't="timeout -s KILL {_SECONDS}"; '
    r'if $t true 2>/dev/null; then printf "%s\n" "$p" | $t sudo -S -k -p "" -u @USER@ /bin/sh -c : 3<>/proc/self/fd/0; '
    r'else printf "%s\n" "$p" | sudo -S -k -p "" -u @USER@ /bin/sh -c :; fi; r=$?; '
    '[ $r = 137 ] && echo "hardencheck: sudo refused the password" >&2; '
)

_WITH_PASSWORD = (
    f"IFS= read -r p; {_PROVE}"
    "if [ $r = 0 ]; then "
    r'{ printf "%s\n" "$p"; exec cat; } | sudo -S -k -p "" -u @USER@ '
    r'/bin/sh -c "a=took; while IFS= read -r l; do '
    rf"if [ x\"\$l\" = x{MARK} ]; then echo hardencheck: sudo \$a the password >&2; exec /bin/sh -s; fi; "
    r'a=\"did not ask for\"; done"; '
    f"else {_FALLBACK}; fi"
)


def compose(host: Host) -> tuple[str, bytes]:
    """Return the command line to run on the host, and the bytes to send before the script.

    Raises AuthenticationFailed when the user or the password for sudo cannot be used.
    """
    become = host.become
    if become is None or become.user == host.user == "root":
        return f"{_CLEAN} -s", b""
    if not _USER.fullmatch(become.user):
        raise AuthenticationFailed(
            f"{become.user!r} is not a user name that sudo can become",
            reason="become_user_invalid",
            hint="set ansible_become_user to a login name such as root",
        )
    mark = f"{MARK}\n".encode()
    if become.password is None:
        return f"{_CLEAN} -c '{_WITHOUT_PASSWORD.replace('@USER@', become.user)}'", mark
    password = become.password.reveal()
    if not password or any(sign in password for sign in "\n\r\0"):
        raise AuthenticationFailed(
            "the password for sudo is empty or holds a line end",
            reason="become_password_invalid",
            hint="correct ansible_become_password in the vault",
        )
    return f"{_CLEAN} -c '{_WITH_PASSWORD.replace('@USER@', become.user)}'", password.encode() + b"\n" + mark


class Verdict(StrEnum):
    """What became of a password for sudo."""

    TAKEN = "taken"
    REFUSED = "refused"
    UNASKED = "unasked"


def verdict(stderr: bytes) -> Verdict | None:
    """Say from standard error, as far as it has come, what became of the password; None when it does not tell (yet)."""
    if _REFUSAL.search(stderr):
        return Verdict.REFUSED
    answer = _ANSWER.search(stderr)
    if answer is None:
        return None
    return Verdict.TAKEN if answer[1] == b"took" else Verdict.UNASKED


def heard(stderr: bytes) -> bytes:
    """Return standard error without what our own shell said there about a password that works."""
    return _ANSWER.sub(b"", stderr)
