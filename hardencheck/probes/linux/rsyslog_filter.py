"""What rsyslog's filters mean for messages about logins: which facilities they select, whether they hold some back.

Only what is plain is decided: `prifilt("...")` and comparisons of the facility select; a filter that compares a
program's name, a tag, a text or a sender with constants holds back logins when one of the programs that write them
would match (rsyslog's property filters and expressions). Everything else may hold anything back.
"""

from __future__ import annotations

import re

#: programs that record logins and root's doings
_PROGRAMS = (
    "sshd", "sshd-session", "dropbear", "login", "sudo", "su", "systemd-logind", "polkitd", "pkexec", "gdm-password]",
    "gdm", "lightdm", "useradd", "usermod", "userdel", "groupadd", "gpasswd", "passwd", "chpasswd", "chage",
    "unix_chkpwd", "auditd", "audit", "audisp-syslog",
)  # fmt: skip
#: words that stand in what they write
_WORDS = (
    "accepted password for root from", "accepted publickey for root from", "failed password for invalid user root",
    "pam_unix(sshd:session): session opened for user root(uid=0) by (uid=0)", "session closed for user root",
    "root : tty=pts/0 ; pwd=/root ; user=root ; command=/bin/sh", "authentication failure",
    "new session 1 of user root",
    "password changed for root", "connection closed by", "disconnected from user root",
)  # fmt: skip
_NAMES = {"programname", "app-name", "syslogtag"}
_TEXTS = {"msg", "rawmsg", "rawmsg-after-pri"}
_SENDERS = {"fromhost", "fromhost-ip"}
_OWN = {"127.0.0.1", "::1", "localhost"}
_FACILITY_NUMBERS = {"4": "auth", "10": "authpriv"}
_PROPERTY = re.compile(r':\s*([\w$!.-]+)\s*,\s*(!?)(\w+)\s*(?:,\s*"((?:\\.|[^"\\])*)")?\s*')
_COMPARED = re.compile(
    r"""\$([\w!.-]+)\s*(==|!=|<>|<=|>=|<|>|contains_i|contains|startswith_i|startswith|endswith)\s*
    (?:"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|(\d+))""",
    re.VERBOSE | re.IGNORECASE,
)
_PRIFILT = re.compile(r"""\s*prifilt\s*\(\s*["']([^"']*)["']\s*\)\s*""", re.IGNORECASE)


def selector(expression: str) -> str:
    """Return the selector that an expression amounts to (`auth,authpriv.*`), or "" when it is anything else."""
    if found := _PRIFILT.fullmatch(expression):
        return found[1]
    parts = re.split(r"\bor\b", expression.strip().strip("()"), flags=re.IGNORECASE)
    names = []
    for part in parts:
        compared = _COMPARED.fullmatch(part.strip().strip("()").strip())
        if compared is None or compared[2] != "==" or not compared[1].lower().startswith("syslogfacility"):
            return ""
        value = next(text for text in compared.groups()[2:] if text is not None)
        names.append(_FACILITY_NUMBERS.get(value, "mail") if value.isdigit() else value)
    return ",".join(names) + ".*"


def holds_back(expression: str) -> bool | None:
    """Whether messages about logins match a filter: True: surely some, False: none, None: that is not plain."""
    if found := _PROPERTY.fullmatch(expression):
        return _matches(found[1], f"{found[2]}{found[3]}", found[4] or "")
    if re.search(r"\bnot\b|[+&]|\bre_|\(\s*\$|\bexec_|\bfield\b|\blookup\b", expression, re.IGNORECASE):
        return None
    parts = re.split(r"\b(?:and|or)\b", expression, flags=re.IGNORECASE)
    answers = []
    for part in parts:
        compared = _COMPARED.fullmatch(part.strip().strip("()").strip())
        if compared is None:
            return None
        value = next(text for text in compared.groups()[2:] if text is not None)
        answers.append(_matches(compared[1], compared[2], value))
    if len(answers) == 1:
        return answers[0]
    # `and` only narrows, so that none stays none; whether some of a longer expression match is not worked out
    return False if all(answer is False for answer in answers) else None


def _matches(name: str, operation: str, value: str) -> bool | None:
    """Decide one comparison."""
    name, operation, value = name.lower().lstrip("$"), operation.lower(), value.lower()
    equal = operation in ("==", "isequal")
    if name in _SENDERS:
        if operation in ("!=", "<>", "!isequal") and value in _OWN:
            return False
        return None if not equal else value in _OWN
    if operation.startswith(("!", "<", ">")) or operation in ("isempty", "regex", "ereregex", "endswith"):
        return None
    within = "contains" in operation
    if name in _NAMES:
        value = re.sub(r"(\[\d*\]?)?:?$", "", value) if name == "syslogtag" else value
        if equal:
            return value in _PROGRAMS
        return any(value in one if within else one.startswith(value) for one in _PROGRAMS)
    if name in _TEXTS:
        text = value.strip()
        return None if any(text in words or words in text for words in _WORDS) else False
    if name.startswith("syslogfacility") and equal:
        return _FACILITY_NUMBERS.get(value, value) in ("auth", "authpriv", "security")
    return None
