"""The options that several commands share, so that each means the same everywhere."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, cast

import typer

from hardencheck.errors import UsageError
from hardencheck.model.outcome import Level, Severity


class Format(StrEnum):
    """How a report is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def default_store() -> Path:
    """Return the default of `--store`; Typer calls it for a command that is given no store, and for that one only."""
    return cast(Path, _default_store)


def _default_store() -> Path:
    """Return where results are kept unless told otherwise: XDG_STATE_HOME, else ~/.local/state. Raises UsageError."""
    try:
        state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    except RuntimeError:  # an account that passwd(5) does not know, and no HOME
        raise UsageError(
            "this account has no home folder to keep the store in", hint="name the store's file with --store"
        ) from None
    return state / "hardencheck" / "hardencheck.db"


_SELECT = "Selection"
_REACH = "Hosts"

StoreOption = Annotated[
    Path, typer.Option("--store", envvar="HARDENCHECK_STORE", help="The store file.", show_default=False)
]
Inventory = Annotated[
    list[str] | None,
    typer.Option("-i", "--inventory", help="Ansible inventory: file, folder or script; may be given several times. "
                 "Without one, this machine is swept.", rich_help_panel=_REACH),
]  # fmt: skip
Limit = Annotated[
    str | None, typer.Option("-l", "--limit", help="Only these hosts (Ansible pattern).", rich_help_panel=_REACH)
]
VaultPasswordFile = Annotated[
    Path | None,
    typer.Option("--vault-password-file", help="File (or script) with the vault password.", rich_help_panel=_REACH),
]
AskPass = Annotated[bool, typer.Option("--ask-pass", help="Ask for the SSH password.", rich_help_panel=_REACH)]
AskBecomePass = Annotated[
    bool, typer.Option("--ask-become-pass", help="Ask for the sudo password.", rich_help_panel=_REACH)
]
BaselineOption = Annotated[
    str, typer.Option("-b", "--baseline", help="Shipped baseline, or a folder.", rich_help_panel=_SELECT)
]
Tailoring = Annotated[
    list[Path] | None,
    typer.Option("--tailoring", help="A site's values and deselected rules (YAML); may be given several times.",
                 rich_help_panel=_SELECT),
]  # fmt: skip
Rules = Annotated[
    list[str] | None, typer.Option("--rule", help="Only these rules (id or glob).", rich_help_panel=_SELECT)
]
Themes = Annotated[list[str] | None, typer.Option("--theme", help="Only these themes.", rich_help_panel=_SELECT)]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="Only rules with these tags.", rich_help_panel=_SELECT)]
Exclude = Annotated[
    list[str] | None, typer.Option("--exclude", help="Not these rules (id, glob or theme).", rich_help_panel=_SELECT)
]
LevelOption = Annotated[
    Level | None,
    typer.Option("--level", help="Where a STIG's text and its purpose part: judge the effective state, or the literal "
                 "text. Without it, as the baseline says.", rich_help_panel=_SELECT),
]  # fmt: skip
RosterOption = Annotated[
    Path | None,
    typer.Option("--roster", help="HR's list of people (CSV), to be compared with the accounts of every host; "
                 "hardencheck roster template writes one to fill in.", rich_help_panel=_SELECT),
]  # fmt: skip
SigningKey = Annotated[
    Path | None,
    typer.Option("--signing-key", metavar="FILE", help="Ed25519 private key (PEM) that signs the evidence. "
                 "Without one, the key beside the store, made when first used.", show_default=False),
]  # fmt: skip
TrustedKeys = Annotated[
    list[Path] | None,
    typer.Option("--key", metavar="FILE", help="Public key (PEM) to trust; may be given several times. Without one, "
                 "the key beside the store, or the one in the pack.", show_default=False),
]  # fmt: skip
Waivers = Annotated[
    list[Path] | None,
    typer.Option("--waivers", help="Accepted failures (YAML, see hardencheck waive): they stay failures, but no longer "
                 "change the exit code; may be given several times."),
]  # fmt: skip
Attestations = Annotated[
    list[Path] | None,
    typer.Option(
        "--attestations", help="What people attest (YAML, see hardencheck attest); may be given several times."
    ),
]
FailOn = Annotated[Severity, typer.Option("--fail-on", help="Lowest severity that makes the exit code 1.")]
FormatOption = Annotated[Format, typer.Option("--format", help="How the result is written to standard output.")]
ReportOption = Annotated[
    list[str] | None,
    typer.Option("--report", metavar="FORMAT:PATH", help="Also write a report to a file, such as html:report.html; may "
                 "be given several times."),
]  # fmt: skip
SweepId = Annotated[str, typer.Argument(help="A sweep's id, the start of one, or 'last'.")]
