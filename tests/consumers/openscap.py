"""OpenSCAP as a judge of XCCDF and ARF: its schemas and its schematron."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.tools import need_program

#: OpenSCAP 1.3.7 refuses a file that it has no warning for; this is the one that we leave it
WARNING = "Warning: The 'cpe:/' prefix (CPE URI binding) is allowed"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run oscap with these arguments."""
    need_program("oscap")
    return subprocess.run(["oscap", *arguments], capture_output=True, text=True, check=False)


def complaint_of_xccdf(path: Path) -> str:
    """Return what is wrong with an XCCDF file; empty when nothing is."""
    done = run("xccdf", "validate", path)
    said = [line for line in done.stdout.splitlines() if line.strip() and not line.startswith("<?xml")]
    fine = done.returncode == 0 and said and all(line.startswith(WARNING) for line in said)
    return "" if fine else done.stdout + done.stderr or f"exit status {done.returncode}"


def complaint_of_arf(path: Path) -> str:
    """Return what is wrong with an ARF file; empty when nothing is. It does not look into the XCCDF in it."""
    done = run("ds", "rds-validate", path)
    fine = (done.returncode, done.stdout + done.stderr) == (0, "")
    return "" if fine else done.stdout + done.stderr or f"exit status {done.returncode}"
