"""Reads what playbooks say of themselves; nothing is run here.

A playbook is an Ansible playbook whose tasks carry the ids of the rules that they serve as tags, and whose first play
declares in the variable `hardencheck_touches` what it may change, and in `hardencheck_needs` the values that have to be
set for it, if there are any (see playbooks/README.md).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from hardencheck.errors import RemediationError
from hardencheck.model.baseline import Baseline
from hardencheck.model.plan import Touches
from hardencheck.model.playbook import Playbook, Playbooks
from hardencheck.resources import shipped

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TASKS = ("pre_tasks", "tasks", "post_tasks", "handlers", "block", "rescue", "always")
_LISTS = frozenset({"files", "services", "registry", "policies", "kernel"})
_KERNEL = frozenset({"nftables", "audit"})
_FLAGS = frozenset({"packages", "accounts"})


def read_playbook(name: str, folder: Path | None = None) -> Playbook:
    """Return a playbook by its name (`password/pwquality.yml`), by default a shipped one.

    Raises RemediationError when it is not there, is no playbook, or does not declare what it may change.
    """
    path = (folder or shipped("playbooks")) / name
    try:
        text = path.read_text(encoding="utf-8")
        plays = yaml.load(text, Loader=_Loader)  # noqa: S506  it is the safe loader, and knows Ansible's tags
    except FileNotFoundError:
        raise RemediationError(f"playbook {name}: it is not there") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RemediationError(f"playbook {name}: it cannot be read ({str(error).splitlines()[0]})") from error
    if not isinstance(plays, list) or not plays or not all(isinstance(play, dict) for play in plays):
        raise RemediationError(f"playbook {name}: it is no list of plays")
    variables = plays[0].get("vars")
    if not isinstance(variables, dict):
        variables = {}
    touches = _touches(name, variables.get("hardencheck_touches"))
    needs = variables.get("hardencheck_needs", [])
    if not isinstance(needs, list) or not all(isinstance(each, str) for each in needs):
        raise RemediationError(f"playbook {name}: hardencheck_needs: expected a list of values that have to be set")
    rules = frozenset(tag for play in plays for tag in _tags(play)) - {"always", "never"}
    return Playbook(name, rules, frozenset(_WORD.findall(text)), touches, tuple(needs))


def playbooks_of(baseline: Baseline, folder: Path | None = None) -> Playbooks:
    """Return the playbooks that the rules of a baseline name; raises RemediationError for one that cannot be used."""
    names = sorted({rule.remediation.playbook for rule in baseline.rules if rule.remediation.playbook})
    return Playbooks({name: read_playbook(name, folder) for name in names}, digest_of(folder))


def digest_of(folder: Path | None = None) -> str:
    """Return one SHA-256 over the names and the content of all playbooks and what they include."""
    whole = folder or shipped("playbooks")
    found = hashlib.sha256()
    for path in sorted(whole.rglob("*")):
        if path.is_file() and path.suffix != ".md":
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            found.update(f"{content}  {path.relative_to(whole).as_posix()}\n".encode())
    return found.hexdigest()


def _touches(name: str, declared: Any) -> Touches:
    where = f"playbook {name}: hardencheck_touches"
    if not isinstance(declared, dict):
        raise RemediationError(f"{where}: is no table in the vars of its first play: what it may change")
    if "{{" in str(declared):
        raise RemediationError(f"{where}: holds a template, but must be literal")
    found: dict[str, Any] = {}
    for key, value in declared.items():
        if key == "kernel" and not (isinstance(value, list) and all(each in _KERNEL for each in map(str, value))):
            raise RemediationError(
                f"playbook {name}: hardencheck_touches.kernel: expected {', '.join(sorted(_KERNEL))}"
            )
        if key in _LISTS and isinstance(value, list) and all(isinstance(each, str) for each in value):
            found[key] = tuple(value)
        elif (key in _FLAGS and isinstance(value, bool)) or (key == "irreversible" and isinstance(value, str)):
            found[key] = value
        else:
            raise RemediationError(f"{where}.{key}: is not a key here, or cannot be {value!r}")
    # a playbook that forgets a flag could not be told from one that has nothing to say
    for key in sorted(_FLAGS - found.keys()):
        raise RemediationError(f"{where}: needs the key {key!r}")
    return Touches(**found)


def _tags(holder: Mapping[str, Any]) -> Iterator[str]:
    """Yield the tags of a play, a block or a task, and of all tasks below it."""
    found = holder.get("tags") or []
    yield from (tag.strip() for tag in found.split(",")) if isinstance(found, str) else found
    for key in _TASKS:
        for task in holder.get(key) or ():
            if isinstance(task, dict):
                yield from _tags(task)


class _Loader(yaml.CSafeLoader):
    """The safe loader, which takes what Ansible marks with a tag (`!unsafe`) as it stands."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: loader.construct_scalar(node))
