"""A Kerberos realm on loopback: MIT's KDC with one account and the keys of one host, for as long as a test takes."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

REALM, HOST = "LAB.EXAMPLE", "desk.lab.example"
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_PROGRAMS = ("krb5kdc", "kdb5_util", "kadmin.local", "kinit")


def unavailable() -> str:
    """Say what is missing here, empty when nothing is."""
    for program in _PROGRAMS:
        if shutil.which(program, path=_PATH) is None:
            return f"no Kerberos realm without {program} (Debian: krb5-kdc krb5-admin-server krb5-user)"
    for module in ("kerberos", "gssapi", "krb5"):
        if find_spec(module) is None:
            return f"no Kerberos without the Python module {module} (pip install 'hardencheck[kerberos,test-kerberos]')"
    return ""


@contextmanager
def realm(folder: Path, user: str, password: str) -> Iterator[dict[str, str]]:
    """Run a KDC that knows `user`, `expired`, `locked` and HTTP on `HOST`; provide the environment to find it by."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "krb5.conf").write_text(
        f"[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n rdns = false\n"
        f" dns_canonicalize_hostname = false\n udp_preference_limit = 1\n"
        f"[realms]\n {REALM} = {{\n kdc = 127.0.0.1:{port}\n }}\n[domain_realm]\n .lab.example = {REALM}\n"
    )
    (folder / "kdc.conf").write_text(
        f"[realms]\n {REALM} = {{\n database_name = {folder}/principal\n key_stash_file = {folder}/stash\n"
        f" kdc_listen = 127.0.0.1:{port}\n kdc_tcp_listen = 127.0.0.1:{port}\n acl_file = {folder}/acl\n }}\n"
        f"[logging]\n kdc = FILE:{folder}/kdc.log\n"
    )
    environment = {
        "KRB5_CONFIG": str(folder / "krb5.conf"),
        "KRB5_KDC_PROFILE": str(folder / "kdc.conf"),
        "KRB5_KTNAME": f"FILE:{folder}/keytab",
    }

    def do(*words: str, stdin: str = "") -> None:
        subprocess.run(
            words, input=stdin, text=True, check=True, capture_output=True, timeout=60,
            env={**os.environ, **environment, "PATH": _PATH},
        )  # fmt: skip

    do("kdb5_util", "create", "-s", "-P", "master", "-r", REALM)
    # one preauthentication is needed, or a wrong password would be noticed here only, and never by the KDC
    do("kadmin.local", stdin=f"addprinc +requires_preauth -pw {password} {user}\n")
    do("kadmin.local", stdin=f"addprinc +requires_preauth -pwexpire yesterday -pw {password} expired\n")
    do("kadmin.local", stdin=f"addprinc -allow_tix -pw {password} locked\n")
    do("kadmin.local", stdin=f"addprinc -randkey HTTP/{HOST}\nktadd -k {folder}/keytab HTTP/{HOST}\n")
    kdc = subprocess.Popen(
        ["krb5kdc", "-n"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **environment, "PATH": _PATH},
    )
    try:
        give_up = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < give_up
                time.sleep(0.02)
        yield environment
    finally:
        kdc.terminate()
        kdc.wait(30)
