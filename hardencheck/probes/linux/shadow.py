"""What the local password files hold for every account: whether a password, hashed how, and how long it may be kept.

Hashes are reduced to the name of their algorithm on the host; no hash is ever sent. Locked passwords (`!` before the
hash) count for the algorithms: unlocking brings them back. For ageing count the accounts with a usable password, a
shell that lets people in and no end of the account in the past; pam_unix's reading of shadow(5) is followed: no date of
the last change, or one in the future, means that the password does not expire.

Reads: /etc/passwd, /etc/shadow (shadow(5), crypt(5)), the passwd and shadow lines of /etc/nsswitch.conf.
Needs: root.
Facts: `accounts_with_empty_password` and `accounts_without_expiry` name the accounts; `longest_password_age` is the
largest maximum age in days of the others, 0 when no account is judged. `password_hash_algorithms` are the algorithms
of all stored passwords: `sha512crypt-few-rounds` and `sha256crypt-few-rounds` for fewer than 5000 rounds,
`unrecognised` for an unknown id.
Absent when: never; accounts of a directory (LDAP, SSSD) are not in these files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.output import Output, read

# class() gives a word for a password field and never a part of a hash
SCRIPT = r"""
passwords() {
  awk -F: -v shadow="$1" 'function class(h, locked, part) {
    if (h == "") return "empty"
    locked = ""
    if (h ~ /^!/) { locked = "locked "; sub(/^!+/, "", h) }
    if (h ~ /^[$]/) {
      split(h, part, "[$]")
      sub(/,.*/, "", part[2])
      if (part[2] !~ /^([13567y]|2[abxy]?|gy|md5|sha1|sm3y?)$/) return locked "unrecognised"
      if (part[3] ~ /^rounds=[0-9]+$/) return locked part[2] " " substr(part[3], 8, 10)
      return locked part[2]
    }
    if (h ~ /^_[.\/0-9A-Za-z]+$/ && length(h) == 20) return locked "bsdi"
    if (h ~ /^[.\/0-9A-Za-z]+$/ && length(h) == 13) return locked "des"
    return "none"
  }
  !/^[^#]/ { next }
  shadow && NF >= 2 { print $1 ":" class($2) ":" $3 ":" $5 ":" $8 }
  !shadow && NF >= 4 { print $1 ":" ($2 == "x" ? "x" : class($2)) ":" $3 ":" $7 }' "$2"
}
run passwd passwords 0 /etc/passwd
if [ -e /etc/shadow ] || [ -L /etc/shadow ]; then run shadow passwords 1 /etc/shadow; fi
run nsswitch sh -c 'grep -E "^[[:space:]]*(passwd|shadow)[[:space:]]*:" /etc/nsswitch.conf 2>/dev/null'
"""

FACTS: dict[str, JsonSchema] = {
    "accounts_with_empty_password": {"type": "array", "items": {"type": "string"}},
    "accounts_without_expiry": {"type": "array", "items": {"type": "string"}},
    "longest_password_age": {"type": "integer"},
    "password_hash_algorithms": {"type": "array", "items": {"type": "string"}},
}
_ALGORITHMS = {
    "1": "md5crypt", "2": "bcrypt", "2a": "bcrypt", "2b": "bcrypt", "2x": "bcrypt", "2y": "bcrypt", "3": "nthash",
    "5": "sha256crypt", "6": "sha512crypt", "7": "scrypt", "y": "yescrypt", "gy": "gost-yescrypt", "md5": "sunmd5",
    "sha1": "sha1crypt", "sm3": "sm3crypt", "sm3y": "sm3-yescrypt", "des": "descrypt", "bsdi": "bsdicrypt",
}  # fmt: skip
_NO_LOGIN = {f"{path}/{name}" for path in ("/bin", "/sbin", "/usr/bin", "/usr/sbin") for name in ("nologin", "false")}
_NAMED = 20  # how many accounts a sentence names


@dataclass(frozen=True, slots=True)
class Account:
    """One account: the word for its password field and the file it is in, its shell, its ageing fields as text."""

    name: str
    stored: str
    path: str
    shell: str = ""
    changed: str = ""
    maximum: str = ""
    expires: str = ""
    aged: bool = True

    @property
    def usable(self) -> bool:
        """Whether some password would let this account in."""
        return self.stored not in ("none", "empty") and not self.stored.startswith("locked ")

    def expired(self, today: int) -> bool:
        """Whether the account's own end lies in the past; 0 is read both as 1970 and as never, and does not count."""
        return _number(self.expires) and 0 < int(self.expires) < today

    @property
    def algorithm(self) -> str:
        """The algorithm's name, or an empty string when no hash is stored."""
        word, _, rounds = self.stored.removeprefix("locked ").partition(" ")
        if word in ("none", "empty"):
            return ""
        few = rounds.isdigit() and int(rounds) < 5000
        return _ALGORITHMS.get(word, "unrecognised") + ("-few-rounds" if few else "")


def parse(capture: Capture, context: Context) -> Observation:
    """Yield which accounts break the rules of passwords; see the module's docstring for the facts."""
    if not context.system.privileged:
        return Observation.not_collected("reading /etc/shadow needs root")
    output = read(capture)
    if problem := _elsewhere(output):
        return Observation.not_collected(problem)
    accounts = _accounts(output)
    today = (context.now.date() - date(1970, 1, 1)).days
    empty = [f"{account.name} ({account.path})" for account in accounts if account.stored == "empty"]
    people = [account for account in accounts if account.usable and account.shell not in _NO_LOGIN]
    judged = [account for account in people if not account.expired(today)]
    ages = {account.name: _maximum(account, today) for account in judged}
    endless = [f"{name} ({age})" for name, age in ages.items() if isinstance(age, str)]
    limited = {name: age for name, age in ages.items() if isinstance(age, int)}
    longest = max(limited.values(), default=0)
    by_algorithm: dict[str, list[str]] = {}
    for account in accounts:
        if account.algorithm:
            note = " (locked)" if account.stored.startswith("locked ") else ""
            by_algorithm.setdefault(account.algorithm, []).append(account.name + note)
    facts = {
        "accounts_with_empty_password": empty,
        "accounts_without_expiry": endless,
        "longest_password_age": longest,
        "password_hash_algorithms": sorted(by_algorithm),
    }
    read_from = {
        "accounts_with_empty_password": "/etc/shadow and field 2 of /etc/passwd",
        "accounts_without_expiry": "/etc/shadow, fields 3, 5 and 8",
        "longest_password_age": _oldest(limited),
        "password_hash_algorithms": _algorithms(by_algorithm),
    }
    return Observation.of(facts, read_from)


def _algorithms(accounts: dict[str, list[str]]) -> str:
    if not accounts:
        return "/etc/shadow, field 2: no password is stored"
    return "/etc/shadow, field 2: " + "; ".join(f"{word} of {_names(accounts[word])}" for word in sorted(accounts))


def _elsewhere(output: Output) -> str:
    """Say why these files do not tell all local accounts, else return an empty string."""
    services: dict[str, list[str]] = {}
    for line in output.run("nsswitch").lines:
        database, _, words = line.partition("#")[0].partition(":")
        services[database.strip()] = words.split()
    if "compat" in services.get("passwd", []) and any(line.startswith("+") for line in output.run("passwd").lines):
        return "a + line in /etc/passwd hands over to NIS, whose passwords are not on this host"
    shadow = services.get("shadow") or services.get("passwd") or ["files"]
    if not {"files", "compat"}.intersection(shadow):
        return f"/etc/nsswitch.conf reads passwords from {' '.join(shadow)}, not from /etc/shadow"
    return ""


def _accounts(output: Output) -> list[Account]:
    """Join the two files as the C library does: the first line of a name counts, `x` points to /etc/shadow."""
    shadow: dict[str, Account] = {}
    if "shadow" in output.runs:
        for name, stored, changed, maximum, expires in _rows(output, "shadow", 5):
            account = Account(name, stored, "/etc/shadow", changed=changed, maximum=maximum, expires=expires)
            shadow.setdefault(name, account)
    accounts: dict[str, Account] = {}
    for name, stored, _, shell in _rows(output, "passwd", 4):
        if name in accounts or name.startswith(("+", "-")):  # pam_unix refuses names that begin so
            continue
        entry = shadow.get(name)
        if stored != "x":
            accounts[name] = Account(name, stored, "/etc/passwd, field 2", shell, aged=False)
        elif entry:
            accounts[name] = replace(entry, shell=shell)
        else:
            accounts[name] = Account(name, "none", "/etc/shadow", shell)
    # a line without an account in /etc/passwd may belong to one of a directory
    orphans = [entry for name, entry in shadow.items() if name not in accounts and not name.startswith(("+", "-"))]
    return [*accounts.values(), *orphans]


def _rows(output: Output, label: str, columns: int) -> list[list[str]]:
    run = output.run(label)
    rows = [line.split(":") for line in run.lines if line.strip(":")]
    if run.status != 0 or not rows or any(len(row) != columns or not row[0] for row in rows):
        raise CaptureUnreadable(f"/etc/{label} could not be read whole (exit status {run.status})")
    return rows


def _maximum(account: Account, today: int) -> int | str:
    """Return the days after which this password must be changed, or why it never must (pam_unix)."""
    if not account.aged:
        return "its password is in /etc/passwd, which knows no expiry"
    if not _number(account.maximum):
        return "no maximum age"
    if account.changed == "0":
        return int(account.maximum) or "maximum age 0"
    if not _number(account.changed):
        return "no date of the last change"
    if int(account.changed) > today:
        return "last change lies in the future"
    return int(account.maximum) or "maximum age 0"


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _oldest(limited: dict[str, int]) -> str:
    if not limited:
        return "/etc/shadow, field 5: no account with a usable password and a login shell has a limit"
    ordered = sorted(limited.items(), key=lambda pair: (-pair[1], pair[0]))
    return "/etc/shadow, field 5: " + _names([f"{name} {days}" for name, days in ordered])


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


PROBE = Probe(
    id="linux.shadow",
    title="Passwords of local accounts",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    version=2,
)
