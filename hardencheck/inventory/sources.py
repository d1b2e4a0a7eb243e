"""Ansible's inventory manager, made to say which file it could not read and why, instead of going on without it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader

from hardencheck.errors import InventoryError
from hardencheck.inventory import trouble
from hardencheck.inventory.display import Heard

#: an inventory plugin (`script`, `yaml`, `ini`...), what it raised, and the line of an INI file it had come to
Failure = tuple[str, Exception, int | None]


class Loader(DataLoader):  # type: ignore[misc]  # ansible-core ships no types
    """Ansible's file loader, which remembers the file that it reads and whether it has a vault password."""

    def __init__(self, heard: Heard) -> None:
        super().__init__()
        self._heard = heard
        self.reading = ""
        self.has_vault_password = False

    def load_from_file(self, file_name: str, *arguments: Any, **named: Any) -> Any:
        """Return the data in a YAML or JSON file."""
        self.reading = file_name
        data = super().load_from_file(file_name, *arguments, **named)
        self._heard.refuse_losses(file_name)
        return data

    def unreadable(self, error: AnsibleError, path: str) -> InventoryError:
        """Return the error for a file, or a vault text in it, that Ansible refuses."""
        if trouble.is_vault(error):
            return trouble.vault_error(path, error, password_given=self.has_vault_password)
        return trouble.file_error(path, error)


class Sources(InventoryManager):  # type: ignore[misc]  # ansible-core ships no types
    """All inventory sources, parsed; raises `InventoryError` for the first one that no plugin can read."""

    def __init__(self, loader: Loader, sources: Sequence[str], heard: Heard) -> None:
        self.paths = tuple(sources)
        self._failures: list[Failure] = []
        self._files = loader
        self._heard = heard
        try:
            super().__init__(loader=loader, sources=list(sources))
        except AnsibleError as error:
            raise loader.unreadable(error, loader.reading or ", ".join(sources)) from None

    def parse_source(self, source: str, cache: bool = False) -> bool:
        """Parse one file, folder or list of hosts; a folder calls this for every file in it."""
        self._failures = []
        parsed = super().parse_source(source, cache=cache)
        for plugin, error, _ in self._failures:
            if plugin == "script" and _has_interpreter(source):
                raise trouble.script_error(source, error)
        if not parsed:
            raise self._refusal(source)
        self._heard.refuse_losses(source)
        self._failures = []
        return True

    def expand(self, limit: str) -> list[str]:
        """Restrict the inventory to the pattern `limit` and return its terms that match nothing."""
        self.subset(limit)
        terms = [term for term in self._subset if term]
        return [term for term in terms if not self._matches(term.lstrip("!&"))]

    def _matches(self, term: str) -> bool:
        return bool(term) and (term in self.hosts or term in self.groups or bool(self._match_one_pattern(term)))

    def _fetch_inventory_plugins(self) -> list[Any]:
        plugins: list[Any] = super()._fetch_inventory_plugins()
        for plugin in plugins:
            self._listen(plugin)
        return plugins

    def _listen(self, plugin: Any) -> None:
        """Note what the plugin raises, and count the lines that the INI plugin takes: 2.19 forgets which one failed."""
        parse = plugin.parse
        lines_taken = 0

        def parse_and_note(*arguments: Any, **named: Any) -> None:
            try:
                parse(*arguments, **named)
            except Exception as error:
                # The manager decides what to do with it; any class may come from a collection's plugin.
                self._failures.append((plugin._load_name, error, lines_taken or None))
                raise

        def counted(lines: Iterable[str]) -> Iterator[str]:
            nonlocal lines_taken
            for lines_taken, line in enumerate(lines, 1):  # noqa: B007  the count is read when parsing fails
                yield line
            lines_taken = 0

        plugin.parse = parse_and_note
        if plugin._load_name == "ini":
            parse_lines = plugin._parse
            # 2.18 and older pass the path before the lines
            plugin._parse = lambda *path_and_lines: parse_lines(*path_and_lines[:-1], counted(path_and_lines[-1]))

    def _refusal(self, source: str) -> InventoryError:
        if os.path.isdir(source):
            return InventoryError(
                f"{source}: the folder holds no inventory file",
                hint="put an INI or YAML file in it; group_vars and host_vars alone name no hosts",
            )
        for _, error, _ in self._failures:
            if trouble.is_vault(error):
                return self._files.unreadable(error, source)
        if not self._failures:
            return trouble.file_error(source, AnsibleError("no inventory plugin of Ansible reads this kind of file"))
        plugin, error, line = min(self._failures, key=lambda failure: _relevance(source, failure))
        if plugin == "script":
            return trouble.script_error(source, error)
        return trouble.file_error(source, error, line)


def _has_interpreter(path: str) -> bool:
    """Say whether the file is meant to be run; others may be executable because of how a disk is mounted."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(2) == b"#!"


def _relevance(source: str, failure: Failure) -> int:
    """Rank the failures of the plugins that tried one file: 0 is the one that its author wants to read."""
    plugin, error, _ = failure
    if plugin == "script":
        return 0
    if os.path.splitext(source)[1] in (".yml", ".yaml", ".json"):
        plugin_file = plugin == "auto" and "no root 'plugin' key" not in str(error)
        return 1 if plugin_file else 2 if plugin == "yaml" else 4
    return 3 if plugin == "ini" else 4
