"""The formats that a report can be written in: every module of this package with a `render` is one, by its own name."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from types import ModuleType

import hardencheck.report
from hardencheck.model.report import Report


@cache
def names() -> tuple[str, ...]:
    """Return the names of all formats."""
    modules = (info.name for info in pkgutil.iter_modules(hardencheck.report.__path__) if info.name != __name__)
    return tuple(sorted(name for name in modules if hasattr(_module(name), "SUFFIX")))


def per_host(name: str) -> bool:
    """Whether a format has one file for each host: such a report is a folder."""
    return bool(getattr(_module(name), "PER_HOST", False))


def named_by_us(name: str, file: str) -> bool:
    """Whether `files` may have given a file of a format with one file for each host this name."""
    return re.fullmatch(rf"[0-9]{{5,}}-[a-z0-9._-]{{0,60}}{re.escape(_module(name).SUFFIX)}", file) is not None


def files(name: str, report: Report) -> Iterator[tuple[str, str]]:
    """Yield the files of a report in one format: name and text. One file is named after the sweep, else by its host."""
    module = _module(name)
    if not per_host(name):
        yield f"{report.sweep.id}{module.SUFFIX}", module.render(report)
        return
    for number, host in enumerate(report.sweep.hosts, 1):
        slug = re.sub(r"[^a-z0-9._-]+", "-", host.host.lower()).strip(".-")[:60]
        yield f"{number:05d}-{slug}{module.SUFFIX}", module.render(report, host)


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{hardencheck.report.__name__}.{name}")
