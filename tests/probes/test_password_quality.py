"""What a password stack lets through, and how long a password must be: against what pamtester and libpwquality did."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.probe import Context, System
from hardencheck.probes.linux.pam import Configuration
from hardencheck.probes.linux.password_quality import PROBE
from hardencheck.probes.linux.pwquality import quality
from hardencheck.probes.output import Output, Run
from tests.probes.cases import compose

DEBIAN = System(distribution="debian", version="12", machine="x86_64", uid=0)
MODULES = "pam_unix pam_pwquality pam_deny pam_permit pam_pwhistory pam_cracklib pam_passwdqc"
LISTING = "/lib/security:\n" + "".join(f"{name}.so\n" for name in MODULES.split())
INNER = "password requisite pam_pwquality.so\n"

# (lines, whether a password of seven characters was refused: neither stored nor reported as changed)
# measured with pamtester on Debian 12 (Linux-PAM 1.5.2, libpwquality 1.4.5) as an ordinary user
MEASURED: dict[str, tuple[tuple[str, ...], bool]] = {
    "pam-auth-update": (
        (
            "requisite pam_pwquality.so retry=3",
            "[success=1 default=ignore] pam_unix.so obscure use_authtok try_first_pass yescrypt",
            "requisite pam_deny.so",
            "required pam_permit.so",
        ),
        True,
    ),
    "required, use_authtok": (("required pam_pwquality.so", "required pam_unix.so use_authtok"), True),
    "required, asks anew": (("required pam_pwquality.so", "required pam_unix.so"), False),
    "required, try_first_pass": (("required pam_pwquality.so", "required pam_unix.so try_first_pass"), False),
    "required, use_first_pass": (("required pam_pwquality.so", "required pam_unix.so use_first_pass"), True),
    "optional, use_authtok": (("optional pam_pwquality.so", "required pam_unix.so use_authtok"), True),
    "optional, asks anew": (("optional pam_pwquality.so", "required pam_unix.so"), False),
    "pam_unix sufficient above": (
        ("sufficient pam_unix.so", "requisite pam_pwquality.so", "required pam_unix.so use_authtok"),
        False,
    ),
    "pam_permit sufficient above": (
        ("sufficient pam_permit.so", "requisite pam_pwquality.so", "required pam_unix.so use_authtok"),
        False,
    ),
    "jump over": (
        ("[success=1 default=ignore] pam_permit.so", "requisite pam_pwquality.so", "required pam_unix.so"),
        False,
    ),
    "jump not taken": (
        ("[success=1 default=ignore] pam_deny.so", "requisite pam_pwquality.so", "required pam_unix.so use_authtok"),
        True,
    ),
    "default=die": (("[success=ok default=die] pam_pwquality.so", "required pam_unix.so"), True),
    "default=ignore": (("[success=ok default=ignore] pam_pwquality.so", "required pam_unix.so"), False),
    "maxtries ignored": (
        ("[success=ok maxtries=ignore default=die] pam_pwquality.so retry=2", "required pam_unix.so"),
        False,
    ),
    "jump over deny": (
        ("[success=1 default=ignore] pam_pwquality.so", "requisite pam_deny.so", "required pam_unix.so use_authtok"),
        True,
    ),
    "enforcing=0": (("requisite pam_pwquality.so enforcing=0", "required pam_unix.so use_authtok"), False),
    "substack ends alone": (("substack inner", "required pam_unix.so"), False),
    "include ends all": (("include inner", "required pam_unix.so"), True),
    "no module": (("required pam_unix.so",), False),
    "pam_pwhistory asks anew": (
        ("required pam_pwquality.so", "required pam_pwhistory.so", "required pam_unix.so use_authtok"),
        False,
    ),
    "optional module that is missing": (("optional pam_gone.so", "required pam_unix.so"), False),
}


def observe(
    lines: tuple[str, ...], conf: dict[str, str] | None = None, system: System = DEBIAN, *, knows_file: bool = False
) -> Observation:
    """Return what the probe makes of a host whose `passwd` has these password lines."""
    passwd = "".join(f"password {line} \n" for line in lines)
    case: dict[str, Any] = {
        "runs": {
            "pam.d": {"text": "/etc/pam.d/\ninner\npasswd\n"},
            "modules": {"text": LISTING},
            "programs": {"text": "passwd\n"},
            "shadow_programs": {"text": "useradd\nlibeconf 1\n"},
            "pam_abilities": {"text": f"yescrypt 0\npwhistory.conf {int(not knows_file)}\n"},
            "drop_ins": {},
        },
        "files": {"/etc/pam.d/passwd": passwd, "/etc/pam.d/inner": INNER, **(conf or {})},
    }
    return PROBE.parse(Capture(PROBE.id, compose(case)), Context(datetime(2026, 11, 22, tzinfo=UTC), system))


@pytest.mark.parametrize("name", MEASURED)
def test_a_stack_lets_through_what_it_was_measured_to_let_through(name: str) -> None:
    lines, refused = MEASURED[name]
    facts = observe(lines).facts
    assert facts["quality_enforced"] is refused
    assert (facts["effective_min_length"] >= 8) is refused
    assert bool(facts["stacks_without_quality"]) is not refused


def test_a_missing_module_shuts_the_stack() -> None:
    found = observe(("requisite pam_gone.so", "required pam_unix.so"))
    assert found.status == "not_collected"


@pytest.mark.parametrize(
    ("settings", "length"),
    [
        # the shortest password that libpwquality 1.4.5 took, found by trying
        ("minlen = 15", 15),
        ("minlen = 15\ndcredit = 2\nucredit = 2\nlcredit = 2\nocredit = 2", 8),
        ("minlen = 15\ndcredit = 2", 13),
        ("minlen = 9\ndcredit = -3\nucredit = -3\nlcredit = -2\nocredit = 1", 9),
        ("minlen = 13\ndcredit = 2\nucredit = 3\nlcredit = -2\nocredit = 3", 8),
        ("minlen = 8\ndcredit = -5\nucredit = -5", 10),
        # what its reader took
        ("minlen=15", 15),
        ("MinLen 15 # comment", 15),
        ("minlen == 15", 8),
        ("minlen = 15x\nminlen = 20", 8),
        ("minlen = 20\nfoo = 1\nminlen = 15", 20),
        ("minlen = 3", 6),
        ("minlen = +15", 15),
        ("minlen = 0x10", 8),
        ("minlen = 99999999999", 8),
        ("minlen = 15\r", 15),
        ("#" + "x" * 1022 + "\nminlen = 15", 8),
        ("enforce_for_root = 0\nminlen = 15", 15),
    ],
)
def test_the_length_of_pwquality_conf(settings: str, length: int) -> None:
    conf = {"/etc/security/pwquality.conf": settings + "\n"}
    found = observe(("requisite pam_pwquality.so", "required pam_unix.so use_authtok"), conf)
    assert found.facts["effective_min_length"] == length


@pytest.mark.parametrize(
    ("line", "system", "length"),
    [
        ("requisite pam_pwquality.so minlen=15 MINLEN=16 minlen=9x", DEBIAN, 16),
        ("requisite pam_pwquality.so minlen=15", System(distribution="centos", version="7"), 11),
        ("requisite pam_cracklib.so minlen=15", DEBIAN, 11),
        ("requisite pam_cracklib.so minlen=15 dcredit=0 ucredit=0 lcredit=0 ocredit=-1", DEBIAN, 15),
        ("requisite pam_cracklib.so", DEBIAN, 6),
        ("requisite pam_passwdqc.so min=disabled,disabled,16,15,15", DEBIAN, 15),
        ("requisite pam_passwdqc.so passphrase=0 min=disabled,24,11,18,17", DEBIAN, 17),
    ],
)
def test_the_length_of_a_modules_arguments(line: str, system: System, length: int) -> None:
    assert observe((line, "required pam_unix.so use_authtok"), system=system).facts["effective_min_length"] == length


def test_a_longer_minlen_of_pam_unix_counts_too() -> None:
    lines = ("requisite pam_pwquality.so", "required pam_unix.so use_authtok yescrypt minlen=20")
    assert observe(lines).facts["effective_min_length"] == 20


def test_a_passwdqc_file_that_was_not_read_leaves_it_open() -> None:
    found = observe(("requisite pam_passwdqc.so config=/srv/qc.conf", "required pam_unix.so use_authtok"))
    assert found.status == "incomplete"
    assert set(found.facts) == {"login_defs_encrypt_method"}


def test_a_program_that_cannot_be_told_leaves_the_length_open() -> None:
    output = Output()
    output.files["/etc/pam.d/x"] = "password requisite pam_passwdqc.so min=oops\n"
    output.runs["pam.d"] = Run("/etc/pam.d/\n", 0)
    output.runs["modules"] = Run(LISTING, 0)
    (handler,) = Configuration(output, DEBIAN).stack("x", "password").handlers
    assert quality(handler, {}, DEBIAN) is None


@pytest.mark.parametrize(
    ("arguments", "login_defs", "algorithm"),
    [
        # the hash that pam_unix 1.5.2 wrote on Debian 12
        ("", "", "descrypt"),
        ("md5 sha512", "", "sha512crypt"),
        ("sha512 md5", "", "md5crypt"),
        ("yescryptfoo", "", "yescrypt"),
        ("SHA512", "", "descrypt"),
        ("yescrypt bigcrypt", "", "descrypt"),
        ("sha512 rounds=1000", "", "sha512crypt-few-rounds"),
        ("sha512 rounds=999", "", "sha512crypt"),
        ("", "ENCRYPT_METHOD MD5\nENCRYPT_METHOD SHA512\nSHA_CRYPT_MAX_ROUNDS 2000", "md5crypt"),
        ("sha512", "ENCRYPT_METHOD MD5\nSHA_CRYPT_MAX_ROUNDS 2000", "sha512crypt"),
        ("", "encrypt_method sha512\nSHA_CRYPT_MAX_ROUNDS 2000", "sha512crypt-few-rounds"),
        ("", "ENCRYPT_METHOD SHA512\nSHA_CRYPT_MIN_ROUNDS 2000", "sha512crypt"),
        ("", "ENCRYPT_METHOD=SHA512", "sha512crypt"),
    ],
)
def test_the_hash_of_a_new_password(arguments: str, login_defs: str, algorithm: str) -> None:
    found = observe((f"required pam_unix.so {arguments}",), {"/etc/login.defs": f"{login_defs}\n"})
    assert found.facts["new_password_hashes"] == [algorithm]


@pytest.mark.parametrize(
    ("conf", "count"),  # None: nobody can tell
    [
        ("remember = 7", 7),
        ("REMEMBER 7 # comment", 7),
        ("remember=3\nremember=9", 3),
        ("# remember = 3", 10),
        ("remember = x", 10),
        ("remember = -1", None),
    ],
)
def test_pwhistory_conf(conf: str, count: int | None) -> None:
    lines = ("requisite pam_pwhistory.so", "required pam_unix.so use_authtok yescrypt")
    found = observe(lines, {"/etc/security/pwhistory.conf": f"{conf}\n"}, knows_file=True)
    assert found.facts.get("remembered_passwords") == count
