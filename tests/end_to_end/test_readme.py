"""The README's commands, one after the other as a reader would type them, against a lab host; its site.yaml is used."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.end_to_end.running import on_terminal
from tests.lab.lab import Lab

README = (Path(__file__).parents[2] / "README.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README, re.M | re.S)
#: every command of the README's blocks that is hardencheck itself
COMMANDS = [
    line.partition("#")[0].split()[1:] for block in BLOCKS for line in block.splitlines() if line.startswith("hardenc")
]
#: what a command asks before it changes anything
ASKING = {"trust": "trust it?", "apply": "in waves of 1?", "undo": "as before run-"}
ROSTER_LINE = "4711,itadmin,active,,,,,\n"


def test_they_all_work(lab: Lab, tmp_path: Path, environment: dict[str, str]) -> None:
    (site,) = re.findall(r"^```yaml\n(.*?)^```$", README, re.M | re.S)
    (tmp_path / "site.yaml").write_text(site)
    (tmp_path / "inventory.ini").write_text(lab.inventory_of(lab.host("weakpw", mode="lite")).read_text())
    assert len(COMMANDS) >= 12
    run = ""
    for typed in COMMANDS:
        words = [run if word == "RUN" else word for word in typed]
        if words[:2] == ["roster", "check"]:
            roster = tmp_path / "roster.csv"
            header = roster.read_text().splitlines()[0]
            roster.write_text(f"{header}\n{ROSTER_LINE}")  # the template's own lines are examples, and refused
        line = [*lab.exec_prefix, sys.executable, "-m", "hardencheck", *words]
        asks = "--check" not in words and ASKING.get(words[0])
        answers = [(asks, "y")] if asks else []
        done = on_terminal(["sh", "-c", f'cd "{tmp_path}" && exec "$@"', "sh", *line], environment, answers=answers)
        expected = (0, 1, 2, 3) if words[0] in ("sweep", "report", "rejudge", "doctor") else (0,)
        assert done.code in expected, f"{' '.join(words)}: {done.screen}"
        if words[0] == "apply" and asks:
            (run,) = re.findall(r"hardencheck undo (run-\S+)", done.screen)
