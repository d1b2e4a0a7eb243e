"""The arguments of pam_unix as its own reader takes them: an argument counts by how it begins, the last hash wins.

Without a hash among its arguments pam_unix takes the first ENCRYPT_METHOD of login.defs, and without that DES. Sources:
modules/pam_unix/support.c and passverify.c of Linux-PAM 1.3 to 1.6; measured with 1.5.2 on Debian 12.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hardencheck.model.probe import System
from hardencheck.probes.linux.login_defs import Setting, number, pam_setting, shadow_setting
from hardencheck.probes.linux.pam import Handler
from hardencheck.probes.output import Output

UNIX = "pam_unix"
#: How the arguments begin that let an account without a password in; nullok_secure is Debian's old one.
NULLOK = ("nullok", "nullresetok")
_HASHES = {
    "md5": "md5crypt", "bigcrypt": "descrypt", "sha256": "sha256crypt", "sha512": "sha512crypt", "blowfish": "bcrypt",
    "des": "descrypt", "gost_yescrypt": "gost-yescrypt", "yescrypt": "yescrypt",
}  # fmt: skip
_NEW = ("yescrypt", "gost_yescrypt")  # words that Linux-PAM has known since 1.4
_SHADOW = {
    "DES": "descrypt", "MD5": "md5crypt", "BCRYPT": "bcrypt", "YESCRYPT": "yescrypt", "SHA256": "sha256crypt",
    "SHA512": "sha512crypt",
}  # fmt: skip
_LEADING = re.compile(r"\s*([+-]?[0-9]{1,18})")
_SHA = ("sha256crypt", "sha512crypt")
_DEFAULT_ROUNDS = 5000
_MOST_REMEMBERED = 400


@dataclass(frozen=True, slots=True)
class Hash:
    """The algorithm of new hashes, with `-few-rounds` for fewer than 5000, and where it was read."""

    algorithm: str
    where: str
    problem: str = ""


def takes_empty(handler: Handler) -> bool:
    """Return whether this pam_unix line lets an account in that has no password."""
    return any(arg.startswith(NULLOK) for arg in handler.args)


def remembered(handler: Handler) -> int:
    """Return how many old passwords this pam_unix line refuses (remember=)."""
    found = _LEADING.match(handler.option("remember") or "")
    return min(max(int(found[1]), 0), _MOST_REMEMBERED) if found else 0


def minlen(handler: Handler, system: System) -> int:
    """Return pam_unix's own minlen; Debian's default is 6, and 8 is the most it demands where the hash is DES."""
    found = _LEADING.match(handler.option("minlen") or "")
    length = int(found[1]) if found else 6 if system.family == "debian" else 0
    hashes = {"md5", "sha256", "sha512", "bigcrypt", "blowfish", "yescrypt", "gost_yescrypt"}
    return length if hashes.intersection(handler.args) else min(length, 8)


def new_hash(handler: Handler, output: Output, knows_yescrypt: bool | None) -> Hash:
    """Return how this pam_unix line hashes a new password; `knows_yescrypt` is None when that could not be told."""
    method = pam_setting(output, "ENCRYPT_METHOD")
    arguments = [(arg, word) for arg in handler.args if (word := _hash_word(arg))]
    if knows_yescrypt is None and any(word in _NEW for _, word in arguments):
        return Hash("", handler.where, "whether this pam_unix knows yescrypt cannot be told")
    arguments = [(arg, word) for arg, word in arguments if knows_yescrypt or word not in _NEW]
    if method.problem and (not arguments or _HASHES[arguments[-1][1]] in _SHA):
        return Hash("", handler.where, method.problem)
    preset = _hash_word((method.value or "").lower())
    preset = "" if preset in _NEW and not knows_yescrypt else preset
    if arguments:
        algorithm, where = _HASHES[arguments[-1][1]], f"{handler.where}, argument {arguments[-1][0]}"
    elif preset:
        algorithm, where = _HASHES[preset], f"{method.where} (the pam_unix of {handler.where} names no hash)"
    else:
        return Hash("descrypt", f"{handler.where}, built-in hash of pam_unix")
    if algorithm in _SHA and _few(handler, output, sha_preset=bool(preset) and _HASHES[preset] in _SHA):
        return Hash(f"{algorithm}-few-rounds", where)
    return Hash(algorithm, where)


def shadow_hash(output: Output) -> Hash:
    """Return how chpasswd and newusers hash where they are built without PAM (RHEL): by login.defs alone."""
    method = shadow_setting(output, "ENCRYPT_METHOD")
    rounds = [shadow_setting(output, f"SHA_CRYPT_{end}_ROUNDS") for end in ("MIN", "MAX")]
    if problem := next((setting.problem for setting in (method, *rounds) if setting.problem), ""):
        return Hash("", method.where, problem)
    algorithm = _SHADOW.get(method.value or "", "descrypt")
    where = f"{method.where or 'built-in ENCRYPT_METHOD'} (chpasswd, which does not ask PAM)"
    given = [count for setting in rounds if (count := number(setting, -1)) >= 0]
    few = algorithm in _SHA and given and min(given) < _DEFAULT_ROUNDS
    return Hash(f"{algorithm}-few-rounds" if few else algorithm, where)


def _hash_word(text: str) -> str:
    """Return the hash that an argument or ENCRYPT_METHOD stands for: the word that it begins with."""
    return next((word for word in _HASHES if text.startswith(word)), "")


def _few(handler: Handler, output: Output, *, sha_preset: bool) -> bool:
    """Whether SHA hashes get fewer than 5000 rounds; fewer than 1000 are not taken, and 5000 remain."""
    settings = [Setting(value) for value in [handler.option("rounds")] if value is not None]
    if sha_preset:
        settings.append(pam_setting(output, "SHA_CRYPT_MAX_ROUNDS"))
    found = _LEADING.match(settings[0].value or "") if settings else None
    return bool(found) and 1000 <= int(found[1]) < _DEFAULT_ROUNDS  # type: ignore[index]
