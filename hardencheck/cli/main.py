"""`hardencheck`: the command line. Every error becomes one calm sentence and the exit code of its kind."""

from __future__ import annotations

import signal
import sys
import traceback
from types import FrameType
from typing import Annotated, NoReturn

import typer

from hardencheck import __version__
from hardencheck.cli.exit_codes import ExitCode
from hardencheck.cli.output import note
from hardencheck.errors import HardencheckError
from hardencheck.report.escape import term

app = typer.Typer(
    name="hardencheck",
    help="Checks machines against a security baseline, and proves the result.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hardencheck {__version__}")
        raise typer.Exit


_Version = Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")]


@app.callback()
def _options(version: _Version = False) -> None:
    pass


def _add_commands() -> None:
    from hardencheck.cli import (
        apply,
        attest,
        baseline,
        credential,
        diff,
        doctor,
        evidence,
        findings,
        plan,
        probe,
        rejudge,
        report,
        roster,
        rule,
        schema,
        store,
        sweep,
        trust,
        undo,
        waive,
    )

    looking = (sweep, doctor, trust, credential, report, diff, findings, rejudge, waive, attest, evidence)
    changing = (plan, apply, undo)
    for module in (*looking, *changing, store, baseline, rule, roster, probe, schema):
        module.add(app)


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    signal.signal(signal.SIGTERM, _interrupt)
    _add_commands()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; never raises."""
    try:
        code = int(app(arguments, prog_name="hardencheck", standalone_mode=False) or 0)
    except HardencheckError as error:
        return _fail(str(error), error.hint, error.exit_code)
    except typer.exceptions.TyperException as error:
        return _fail(error.format_message(), "hardencheck --help lists the commands", ExitCode.USAGE)
    except (KeyboardInterrupt, typer.Abort):
        code = ExitCode.INTERRUPTED  # newer releases of Typer return it instead
    except Exception:  # noqa: BLE001  Python's own exit status for a traceback is 1, which means findings here
        for line in traceback.format_exc().splitlines():
            note(term(line))
        return _fail("internal error, please report the lines above", None, ExitCode.INTERNAL)
    return _fail("interrupted", None, code) if code == ExitCode.INTERRUPTED else code


def _fail(message: str, hint: str | None, code: int) -> int:
    note(f"hardencheck: {term(message)}")
    if hint:
        note(f"  {term(hint)}")
    return int(code)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
