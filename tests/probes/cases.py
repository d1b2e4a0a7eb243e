"""Reads recorded captures: one YAML file per probe, one document per case (see docs/writing-probes.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from hardencheck.model.capture import Capture
from hardencheck.model.outcome import Status
from hardencheck.model.probe import Context, System, WindowsSystem
from hardencheck.model.roster import Person, Roster, Standing

DATA = Path(__file__).parents[1] / "data" / "probes"
DEBIAN_12 = {
    "distribution": "debian",
    "version": "12",
    "codename": "bookworm",
    "kernel": "6.1.0-56-amd64",
    "machine": "x86_64",
    "uid": 0,
}
WINDOWS_11 = {"build": 22631, "revision": 4460, "edition": "Enterprise", "release": "23H2", "role": "workstation",
              "joined": True, "core": False, "admin": True}  # fmt: skip
REFUSED = {"t": "System.UnauthorizedAccessException", "h": -2147024891, "c": "PermissionDenied", "e": "..."}
KEYS = {
    "case", "from", "system", "now", "runs", "files", "absent", "unreadable", "special", "dangling",
    "stdout", "stderr", "exit_status", "status", "facts", "missing", "reason", "read_from", "peer", "values",
    "unit", "roster", "items", "errors", "registry", "twin",
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One recorded capture and what its probe must make of it.

    `twin` names the case of the same probe with which it must share every fact: most often the same system in English.
    """

    probe_id: str
    name: str
    capture: Capture
    context: Context
    status: Status
    facts: dict[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    reason: str = ""
    read_from: dict[str, str] = field(default_factory=dict)
    peers: tuple[str, ...] = ()
    twin: str = ""


def compose(case: dict[str, Any]) -> bytes:
    """Write the items of a case as the shell functions of PRELUDE would."""
    out = b""
    for label, run in case.get("runs", {}).items():
        body = str(run.get("text", "")).encode() + b" %d" % run.get("status", 0)
        out += b"@run %d %s\n%s\n" % (len(body), str(label).encode(), body)
    for kind in ("absent", "unreadable", "special", "dangling"):
        for path in case.get(kind, []):
            out += f"@{kind} {path}\n".encode()
    if files := {path: str(body).encode() for path, body in case.get("files", {}).items()}:
        out += b"@files %d\n" % len(files)
        out += b"".join(b"%d %s\n" % (len(body), path.encode()) for path, body in files.items())
        out += b"" if len(files) == 1 else b"%d total\n" % sum(map(len, files.values()))
        out += b"".join(files.values()) + b"\n"
    return out + b"@end\n"


def compose_windows(case: dict[str, Any]) -> bytes:
    """Write the items of a case as the functions of the PowerShell prelude would.

    `registry` maps an item to `{path: ..., values: {NAME: DATA}}` (DATA a number, a text or a list of texts; or what
    the prelude writes, `{k: KIND, v: DATA, s: POLICY}`), or to a path alone when the key is absent. `errors` maps an
    item to what the exception says, `refused` for denied access.
    """
    items: dict[str, Any] = dict(case.get("items", {}))
    items |= {name: registry_key(about) for name, about in case.get("registry", {}).items()}
    lines: list[dict[str, Any]] = [{"i": name, "ok": True, "v": value} for name, value in items.items()]
    for name, error in case.get("errors", {}).items():
        lines.append({"i": name, "ok": False, **(REFUSED if error == "refused" else error)})
    return "".join(json.dumps(line) + "\n" for line in [*lines, {"i": "@end"}]).encode("ascii")


def registry_key(about: str | dict[str, Any]) -> dict[str, Any]:
    """Return what `Registry` of the PowerShell prelude writes for a key."""
    if isinstance(about, str):
        return {"path": about, "exists": False}
    kinds = {int: "DWord", str: "String", list: "MultiString"}
    values = {
        name: data if isinstance(data, dict) else {"k": kinds[type(data)], "v": data}
        for name, data in about.get("values", {}).items()
    }
    lists = {name: about[name] for name in ("keys", "names", "texts", "left") if name in about}
    return {"path": about["path"], "exists": True, "values": values} | lists


def people(rows: list[dict[str, Any]]) -> Roster:
    """Return the roster of a case: persons with what matters of them; each is an employee unless it says which."""
    return Roster(
        tuple(
            Person(**{"employee_id": row["login"], **row, "status": Standing(row.get("status", "active"))})
            for row in rows
        )
    )


def cases(path: Path) -> Iterator[Case]:
    """Yield the cases of one file."""
    for document in yaml.load_all(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader):
        unknown = set(document) - KEYS
        assert not unknown, f"{path}: unknown keys {sorted(unknown)}"
        assert document.get("from"), f"{path}: {document.get('case')}: say where the capture comes from"
        windows = path.stem.startswith("windows.")
        stdout = (compose_windows if windows else compose)(document)
        now = document.get("now", datetime(2026, 11, 22, tzinfo=UTC))
        yield Case(
            probe_id=path.stem,
            name=document["case"],
            capture=Capture(
                probe_id=path.stem,
                stdout=document["stdout"].encode() if "stdout" in document else stdout,
                stderr=document.get("stderr", "").encode(),
                exit_status=document.get("exit_status", 0),
            ),
            context=Context(
                now=now,
                system=_system(document.get("system", {}), windows=windows),
                values=document.get("values", {}),
                unit=document.get("unit", ""),
                roster=people(document["roster"]) if "roster" in document else None,
            ),
            status=Status(document["status"]),
            facts=document.get("facts", {}),
            missing=tuple(document.get("missing", ())),
            reason=document.get("reason", ""),
            read_from=document.get("read_from", {}),
            peers=(peer,) if isinstance(peer := document.get("peer", ()), str) else tuple(peer),
            twin=document.get("twin", ""),
        )


def _system(about: dict[str, Any], *, windows: bool) -> System:
    if windows:
        return System(distribution="windows", windows=WindowsSystem(**{**WINDOWS_11, **about}))
    return System(**{**DEBIAN_12, **about, "like": tuple(about.get("like", ()))})


@cache
def all_cases() -> tuple[Case, ...]:
    """Return the cases of every probe; they are read once."""
    return tuple(case for path in sorted(DATA.glob("*.yaml")) for case in cases(path))
