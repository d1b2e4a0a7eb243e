"""Made-up secrets of the kinds that must never be kept; put together here, so that no scanner of sources minds."""

from __future__ import annotations

_HASH, _TOKEN, _KEY = "a password hash", "a token", "a private key"
_64 = b"AbCdEfGh./01234567890123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij"[:64]
_ALNUM = b"q7Xf" * 30
_HEX = b"0123456789abcdef" * 4

#: name -> the kind that it is told to be, and the secret
CANARIES: dict[str, tuple[str, bytes]] = {
    "md5crypt": (_HASH, b"$1$saltsalt$" + _64[:22]),
    "bcrypt": (_HASH, b"$2b$12$" + _64[:53]),
    "bcrypt-y": (_HASH, b"$2y$10$" + _64[:53]),
    "sha256crypt": (_HASH, b"$5$rounds=5000$saltsalt$" + _64[:43]),
    "sha512crypt": (_HASH, b"$6$saltsalt$" + (_64 * 2)[:86]),
    "sha512crypt, cut off": (_HASH, b"$6$saltsalt$" + _64[:13]),
    "yescrypt": (_HASH, b"$y$j9T$saltsaltsaltsalt$" + _64[:43]),
    "gost-yescrypt": (_HASH, b"$gy$j9T$saltsaltsaltsalt$" + _64[:43]),
    "scrypt": (_HASH, b"$7$CU..../....saltsaltsalt$" + _64[:43]),
    "argon2": (_HASH, b"$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$" + _64[:43]),
    "shadow": (_HASH, b"alice:$6$saltsalt$" + (_64 * 2)[:86] + b":19800:0:99999:7:::"),
    "des": (_HASH, b"alice:ab1234567890.:19800:0:99999:7:::"),
    "pwdump": (_HASH, b"bob:1001:" + _HEX[:32] + b":" + _HEX[:32] + b":::"),
    "dcc2": (_HASH, b"$" + b"DCC2$10240#tom#" + _HEX[:32]),
    "ldap": (_HASH, b"{SSHA}" + _64[8:40] + b"="),
    "grub": (_HASH, b"grub.pbkdf2.sha512.10000." + _HEX + b"." + _HEX),
    "scram": (_HASH, b"SCRAM-SHA-256" + b"$4096:c2FsdA==$x:y"),
    "rsa": (_KEY, b"-----BEGIN RSA PRIVATE" + b" KEY-----"),
    "openssh": (_KEY, b"-----BEGIN OPENSSH PRIVATE" + b" KEY-----"),
    "pkcs8": (_KEY, b"-----BEGIN PRIVATE" + b" KEY-----"),
    "pgp": (_KEY, b"-----BEGIN PGP PRIVATE" + b" KEY BLOCK-----"),
    "putty": (_KEY, b"PuTTY-User-Key-File" + b"-3: ssh-ed25519"),
    "wireguard": (_KEY, b"PrivateKey = " + _ALNUM[:43] + b"="),
    "age": (_KEY, b"AGE-SECRET" + b"-KEY-1" + b"Q" * 58),
    "jwt": (_TOKEN, b"eyJ" + _ALNUM[:20] + b".eyJ" + _ALNUM[:30] + b"." + _ALNUM[:43]),
    "aws id": (_TOKEN, b"AKIA" + b"ABCDEFGH01234567"),
    "aws secret": (_TOKEN, b"aws_secret_access_key = " + _ALNUM[:40]),
    "github": (_TOKEN, b"ghp_" + _ALNUM[:36]),
    "github, fine-grained": (_TOKEN, b"github_pat_" + _ALNUM[:40]),
    "gitlab": (_TOKEN, b"glpat-" + _ALNUM[:20]),
    "slack": (_TOKEN, b"xoxb-" + b"123456789012-" + _ALNUM[:24]),
    "google": (_TOKEN, b"AIza" + _ALNUM[:35]),
    "stripe": (_TOKEN, b"sk_live_" + _ALNUM[:24]),
    "vault": (_TOKEN, b"hvs." + _ALNUM[:40]),
    "npm": (_TOKEN, b"npm_" + _ALNUM[:36]),
    "pypi": (_TOKEN, b"pypi-AgE" + _ALNUM[:60]),
    "azure": (_TOKEN, b"AccountKey=" + _ALNUM[:86] + b"=="),
    "bearer": (_TOKEN, b"Authorization: Bearer " + _ALNUM[:30]),
    "bitlocker": ("a recovery password", b"-".join([b"123456"] * 8)),
}
