"""The pages of a pack as a browser shows them: they run nothing, ask for nothing, fit the window, and print whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hardencheck.report import cover, sheet
from tests.report import material
from tests.report.browser import CONTRAST, OVERFLOW, UNFOLD, Browser, colours
from tests.report.floor import floor
from tests.report.packs import changed, cover_of, vouched
from tests.report.payloads import PAYLOADS, hostile

NAMES = ["cover", "sheet", "small cover", "small sheet", "hostile cover", "hostile sheet"]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages that are shown, each as the file that somebody would open."""
    folder = tmp_path_factory.mktemp("pages")
    reports = {"": floor(30, 60), "small ": material.report(), "hostile ": hostile(PAYLOADS, named=True)}
    texts = {}
    for word, report in reports.items():
        given = changed(vouched(cover_of(report)))
        texts[f"{word}cover"] = cover.render(given)
        texts[f"{word}sheet"] = sheet.render(given, next(iter(given.sheets)))
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in texts}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light")])
def test_the_page_fits_the_window_and_asks_for_nothing(
    chromium: Browser, pages: dict[str, Path], width: int, scheme: str, name: str
) -> None:
    chromium.show(width, scheme)
    chromium.open(pages[name])
    chromium.run(UNFOLD)
    assert chromium.run(OVERFLOW) == 0
    assert colours(chromium.screenshot()) > 100
    assert chromium.run("document.styleSheets.length") == 1
    assert chromium.run("document.scripts.length") == 0
    assert chromium.requested() == [pages[name].as_uri()]
    assert chromium.complaints() == []


@pytest.mark.parametrize("name", ["cover", "sheet", "small sheet"])
@pytest.mark.parametrize(("scheme", "media"), [("light", "screen"), ("dark", "screen"), ("dark", "print")])
def test_every_text_stands_out_enough(
    chromium: Browser, pages: dict[str, Path], scheme: str, media: str, name: str
) -> None:
    chromium.show(1280, scheme, media)
    chromium.open(pages[name])
    contrast, text = chromium.run(CONTRAST)
    assert contrast >= 4.5, text


@pytest.mark.parametrize("name", NAMES[:4])
def test_it_is_printed_whole_on_a4(chromium: Browser, pages: dict[str, Path], name: str) -> None:
    chromium.show(688, "light", "print")  # the width of A4 without its margins
    chromium.open(pages[name])
    assert chromium.run(OVERFLOW) == 0
    cut_off = "[...document.querySelectorAll('.wide')].filter(frame => frame.scrollWidth > frame.clientWidth).length"
    assert chromium.run(cut_off) == 0
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", chromium.pdf())
    assert {(round(float(width)), round(float(height))) for width, height in boxes} == {(595, 842)}


def test_the_auditors_boxes_are_large_enough_to_write_in(chromium: Browser, pages: dict[str, Path]) -> None:
    chromium.show(688, "light", "print")
    chromium.open(pages["sheet"])
    sizes = chromium.run("[...document.querySelectorAll('.boxes dd')].map(box => [box.clientWidth, box.clientHeight])")
    assert len(sizes) == 5
    assert all(width > 150 and height > 25 for width, height in sizes)
    assert all(width > 600 and height > 100 for width, height in sizes[:2])
