"""The rules of doas.conf(5): who may run which command as whom; the last rule that matches decides."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hardencheck.probes.linux.sudo_commands import escapes, root_shell

_OPTIONS = ("nopass", "keepenv", "persist", "nolog")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule by which somebody may become root; `identity` is an account or `%group`, `program` empty for all."""

    identity: str
    nopass: bool
    program: str
    where: str


def rules(text: str, path: str, loose: Callable[[str], bool] = lambda _: False) -> Iterator[Rule]:
    """Yield the rules by which somebody may become root, with the program where one is prescribed.

    `loose` says of a command that others than root may change what it runs.
    """
    found: dict[tuple[str, str], Rule] = {}
    for number, line in enumerate(text.replace("\\\n", " ").split("\n"), 1):
        words = re.sub(r"\{[^}]*\}", " ", line.partition("#")[0]).replace('"', "").split()
        if words[:1] not in (["permit"], ["deny"]):
            continue
        rest = [word for word in words[1:] if word != "setenv"]
        identity, options = "", set()
        while rest and not identity:
            word = rest.pop(0)
            if word in _OPTIONS:
                options.add(word)
            else:
                identity = word.replace(":", "%", 1) if word.startswith(":") else word
        target = rest[rest.index("as") + 1] if rest[:1] == ["as"] and len(rest) > 1 else "root"
        command = " ".join(rest[rest.index("cmd") + 1 :]).replace(" args ", " ") if "cmd" in rest else ""
        if target not in ("root", "0"):
            continue
        if words[0] == "deny" and not command:
            found = {key: rule for key, rule in found.items() if key[0] != identity}
        elif words[0] == "permit":
            program = [{"command": _sudo_style(command)}]
            if not command or root_shell(program) or escapes(program, also=loose):
                if not command:  # it decides for every command
                    found = {key: rule for key, rule in found.items() if key[0] != identity}
                found[identity, command] = Rule(identity, "nopass" in options, command, f"{path}:{number}")
    yield from found.values()


def _sudo_style(command: str) -> str:
    """Write a command as sudoers does: with a path, and `""` for no argument at all (`args` with nothing behind it)."""
    command = command if command.startswith("/") else f"/usr/bin/{command}"
    return f'{command.removesuffix(" args")} ""' if command.endswith(" args") else command
