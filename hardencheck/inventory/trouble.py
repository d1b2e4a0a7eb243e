"""Ansible's exceptions become sentences that name the place and what to do, without quoting what the files hold.

Ansible's own messages quote the offending text (`got: ...`), which may be a password; so a message is either one of
those known here or has everything quoted taken out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from ansible.parsing.vault import AnsibleVaultError, AnsibleVaultFormatError
from yaml import MarkedYAMLError

from hardencheck.errors import InventoryError

try:
    from ansible._internal._datatag._tags import Origin
    from ansible._internal._templating._jinja_common import UndecryptableVaultError
except ImportError:  # ansible-core 2.18 and older keep the place in the value itself, and raise AnsibleVaultError only
    Origin = None
    UndecryptableVaultError = AnsibleVaultError

#: what Ansible's loaders say -> what was expected
_KNOWN = {
    "Expected key=value host variable assignment": "only key=value may follow a host name; quote values with spaces",
    "Expected key=value": "a [group:vars] section holds lines of key=value only",
    "Expected group name": "a [group:children] section holds one group name a line",
    "Invalid section entry": "a section is [group], [group:vars] or [group:children], without spaces",
    "has unknown type": "a section is [group], [group:vars] or [group:children]",
    "not valid for undefined group": "a [group:vars] section names a group that has no [group] section",
    "includes undefined group": "a [group:children] section names a group that has no [group] section",
    "Error parsing host definition": "a quote is not closed",
    "ending in ':' is not allowed": "a host name ends in a colon; a YAML inventory needs a name that ends in .yml",
    "normally a sign this is a YAML file": "this is YAML; give the file a name that ends in .yml",
    "Parsed empty YAML file": "the file is empty",
    "specifies unknown plugin": "its `plugin` is not installed; install the collection that holds it",
    "recursive dependency loop": "a group is its own child, directly or through others",
}
#: messages that hold names of keys and types only
_HARMLESS = re.compile(r'Invalid "\w+" entry for "[^"]*" group|YAML inventory has invalid structure')
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|got: .*|<[^>]*>")
_LONGEST = 400


def printable(text: str) -> str:
    """Return the text on one line, its control characters spelt out, cut to a readable length."""
    spelt = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text.strip())
    return spelt if len(spelt) <= _LONGEST else spelt[: _LONGEST - 3] + "..."


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what led to it, outermost first."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def place(error: BaseException, value: object) -> str:
    """Return `file:line: ` of the vault text that the error is about, or an empty text when Ansible does not tell.

    The innermost error knows best: the outer ones, and `value`, may be a template that uses the vault text.
    """
    for about in (*(getattr(link, "obj", None) for link in reversed(list(chain(error)))), value):
        origin = Origin.get_tag(about) if Origin is not None and about is not None else None
        if origin is not None and origin.path:
            return f"{origin.path}:{origin.line_num}: " if origin.line_num else f"{origin.path}: "
        file, line, *_ = getattr(about, "ansible_pos", (None, 0))
        if file:
            return f"{file}:{line}: "
    return ""


def is_vault(error: BaseException) -> bool:
    """Say whether the error is a vault that does not open."""
    kinds = (AnsibleVaultError, AnsibleVaultFormatError, UndecryptableVaultError)
    return any(isinstance(link, kinds) for link in chain(error))


def vault_error(where: str, error: BaseException, *, password_given: bool) -> InventoryError:
    """Return the error for a vault text at `where` that does not open."""
    if any(isinstance(link, AnsibleVaultFormatError) for link in chain(error)):
        return InventoryError(
            f"{where}: the Ansible Vault text is damaged, expected what `ansible-vault encrypt` wrote",
            reason="vault",
            hint="restore the file, or encrypt the value again",
        )
    if password_given:
        return InventoryError(
            f"{where}: the vault password does not open it",
            reason="vault",
            hint="give the file with the right password: --vault-password-file FILE",
        )
    return InventoryError(
        f"{where}: is encrypted with Ansible Vault, and no vault password was given",
        reason="vault",
        hint="give the file with the password, or a program that prints it: --vault-password-file FILE",
    )


def file_error(path: str, error: BaseException, line: int | None = None) -> InventoryError:
    """Return the error for a file of the inventory that Ansible's loader refuses."""
    marked = next((link for link in chain(error) if isinstance(link, MarkedYAMLError) and link.problem_mark), None)
    if marked is not None and marked.problem_mark is not None:
        line = marked.problem_mark.line + 1
        said = f"not valid YAML, {without_values(marked.problem or 'it ends too early')}"
    else:
        said = _expectation(error)
    where = path if line is None else f"{path}:{line}"
    return InventoryError(f"{where}: {said}", hint=f"see what Ansible reads: ansible-inventory -i {path} --graph")


def script_error(path: str, error: BaseException) -> InventoryError:
    """Return the error for an inventory script that failed, with the last line of what it wrote to standard error."""
    helps = [getattr(link, "_help_text", None) or "" for link in chain(error)]
    lines = [line.strip() for line in "\n".join([*_messages(error), *helps]).splitlines() if line.strip()]
    words = [printable(line).removesuffix(".") for line in dict.fromkeys((lines[0], lines[-1]))]
    return InventoryError(
        f"{path}: the inventory script failed: {': '.join(words)}",
        hint=f"run it by hand: {path} --list must print JSON and exit with 0",
    )


def without_values(text: str) -> str:
    """Return one line of an Ansible message without anything that it quotes."""
    return printable(_QUOTED.sub("...", text.strip().splitlines()[0] if text.strip() else "no reason given"))


def _expectation(error: BaseException) -> str:
    messages = _messages(error)
    for said, meaning in _KNOWN.items():
        if any(said in message for message in messages):
            return meaning
    refused = next((link.errno for link in chain(error) if isinstance(link, OSError) and link.errno), None)
    if refused is not None:
        return os.strerror(refused)
    cause = messages[-1]
    return printable(cause) if _HARMLESS.match(cause) else without_values(cause)


def _messages(error: BaseException) -> list[str]:
    """Return what the error and its causes say, the cause last; Ansible wraps it in more general messages."""
    said = [link.args[0] for link in chain(error) if link.args and isinstance(link.args[0], str)]
    return said or [str(error)]
