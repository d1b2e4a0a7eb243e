"""Which sources the probe calls unverified, held against what APT itself trusts without a signature."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from hardencheck.probes.linux import apt_sources
from tests.tools import need

LIST = """\
deb http://plain.example/debian bookworm main
deb [ arch=amd64,arm64 trusted=yes ] http://yes.example/debian bookworm main
deb [trusted=no] http://no.example/debian bookworm main
deb [trusted=TRUE signed-by=/k.gpg] http://true.example/debian bookworm main
  deb\t[signed-by=/k.gpg\ttrusted=1]\thttp://one.example/debian bookworm main
# deb [trusted=yes] http://comment.example/debian bookworm main
deb-src [trusted=yes] http://source.example/debian bookworm main
"""
LISTS = "var/lib/apt/lists"
STANZAS = """\
Types: deb
URIs: http://stanza.example/debian
Suites: bookworm
Components: main
Trusted: yes

# a comment
Types: deb
Enabled: no
URIs: http://disabled.example/debian
Suites: bookworm
Components: main
Trusted: yes

types: deb deb-src
uris: http://lower.example/debian
# a comment within
trusted:
 yes
suites: bookworm
components: main


Types: deb
URIs: http://refused.example/debian
Suites: bookworm
Components: main
Trusted: no
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 trusted: yes
 -----END PGP PUBLIC KEY BLOCK-----
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("apt-get"):
        need("apt-get is not installed")
    root = tmp_path_factory.mktemp("root")
    for folder in ("etc/apt/sources.list.d", "etc/apt/apt.conf.d", "etc/apt/preferences.d", LISTS):
        (root / folder).mkdir(parents=True)
    (root / "etc/apt/sources.list").write_text(LIST)
    (root / "etc/apt/sources.list.d/own.sources").write_text(STANZAS)
    (root / "etc/apt/sources.list.d/own.sources.bak").write_text(STANZAS)
    return root


def indextargets(root: Path, output: str, *words: str) -> list[list[str]]:
    """Ask APT about the sources below `root`, and nothing of this machine."""
    options = [f"Dir={root}", "Dir::State::status=/dev/null", "Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache="]
    options += ["Dir::Etc::main=/dev/null", f"Dir::Etc::parts={root}/etc/apt/apt.conf.d", "APT::Architecture=amd64"]
    command = ["apt-get", "indextargets", *words, "--format", output, "Created-By: Packages"]
    command += [word for option in options for word in ("-o", option)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split("|") for line in done.stdout.splitlines()]


def apt(root: Path) -> dict[str, tuple[str, str]]:
    """Return what APT makes of the sources: host -> file, and whether it trusts it without a signature."""
    for (name,) in indextargets(root, "$(FILENAME)", "--no-release-info"):
        Path(name).write_text("Package: x\nVersion: 1\nArchitecture: amd64\nDescription: x\n\n")
    lines = indextargets(root, "$(SITE)|$(SOURCESENTRY)|$(TRUSTED)")
    return {_host(site): (entry.rpartition(":")[0], trusted) for site, entry, trusted in lines}


def _host(address: str) -> str:
    return address.split("/")[2].partition(".")[0]


def test_a_source_is_unverified_where_apt_trusts_it_without_a_signature(root: Path) -> None:
    known = apt(root)
    files = {path for path, _ in known.values()}
    script = apt_sources.SCRIPT.partition("run trust")[0]
    paths = [root / "etc/apt/sources.list", *sorted((root / "etc/apt/sources.list.d").iterdir())]
    done = subprocess.run(
        ["sh", "-c", f'{script}\n"$tool" "$filter" "$@"', "sh", *paths], capture_output=True, text=True, check=True
    )
    found = set(apt_sources.waived(done.stdout.splitlines(), files))
    whole = {path: Path(path).read_text().splitlines() for path in files}
    named = set()
    for entry in found:
        path, number, _ = entry.split(":", 2)
        lines = whole[path]
        start = int(number) - 1
        near = lines[start : start + 1] if path.endswith(".list") else _stanza(lines, start)
        named.add(_host(next(word for word in " ".join(near).split() if word.startswith("http"))))
    assert named == {host for host, (_, trusted) in known.items() if trusted == "yes"}
    assert named == {"yes", "true", "one", "stanza", "lower"}


def _stanza(lines: list[str], at: int) -> list[str]:
    first = next((n for n in range(at, -1, -1) if not lines[n].strip()), -1)
    last = next((n for n in range(at, len(lines)) if not lines[n].strip()), len(lines))
    return lines[first + 1 : last]
