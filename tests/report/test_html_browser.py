"""The HTML page as a browser shows it: it runs nothing, asks for nothing, fits the window, and prints whole."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from hardencheck.report import html
from tests.report import changing, material
from tests.report.browser import CONTRAST, OVERFLOW, UNFOLD, Browser, colours
from tests.report.floor import floor
from tests.report.payloads import PAYLOADS, hostile, plain

SIZES = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages that are shown, each as the file that somebody would open."""
    folder = tmp_path_factory.mktemp("pages")
    made = {
        "small": html.render(material.report()),
        "compared": html.render(changing.report()),
        "floor": html.render(floor(30, 60)),
        "hostile": html.render(hostile(PAYLOADS)),
        "hostile names": html.render(hostile(PAYLOADS, named=True)),
        "harmless": html.render(hostile(plain(PAYLOADS))),
    }
    for name, text in made.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in made}


def altered(path: Path, old: str, new: str) -> Path:
    """Return a copy of a page that is wrong in one place."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    copy = path.with_name(f"altered {path.name}")
    copy.write_text(text.replace(old, new, 1), encoding="utf-8")
    return copy


@pytest.mark.parametrize("name", ["small", "compared", "floor", "hostile", "hostile names"])
@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_the_page_fits_the_window_and_asks_for_nothing(
    chromium: Browser, pages: dict[str, Path], width: int, scheme: str, name: str
) -> None:
    chromium.show(width, scheme)
    chromium.open(pages[name])
    assert chromium.run(OVERFLOW) == 0
    assert colours(chromium.screenshot()) > 100
    chromium.run(UNFOLD)
    assert chromium.run(OVERFLOW) == 0
    assert chromium.requested() == [pages[name].as_uri()]
    assert chromium.complaints() == []


def test_a_thousand_payloads_do_nothing(chromium: Browser, pages: dict[str, Path]) -> None:
    chromium.show(1280)
    chromium.open(pages["harmless"])
    chromium.run(UNFOLD)
    elements = chromium.run("document.querySelectorAll('*').length")
    chromium.open(pages["hostile"])
    chromium.run(UNFOLD)
    assert chromium.run("document.querySelectorAll('*').length") == elements
    assert chromium.run("document.title").startswith("A whole floor, sweep ")
    assert chromium.run("document.scripts.length") == 0
    assert chromium.requested() == [pages["hostile"].as_uri()]
    assert chromium.complaints() == []


@pytest.mark.parametrize(
    "injected",
    ["<script>document.title='owned'</script>", "<img src='http://198.51.100.7/x.png'>", "<p style='color: red'>x</p>",
     "<svg onload=alert(1)></svg>", "<style>p { color: red }</style>"],
)  # fmt: skip
def test_what_slipped_through_would_be_stopped_by_the_policy_and_seen_here(
    chromium: Browser, pages: dict[str, Path], injected: str
) -> None:
    chromium.open(altered(pages["small"], "<footer>", f"<footer>{injected}"))
    assert chromium.complaints(), "a browser says what its policy stopped"
    assert chromium.run("document.title").startswith("Baseline of a site")
    assert "Page.javascriptDialogOpening" not in chromium.named()
    chromium.open(pages["small"])
    assert chromium.complaints() == []


def test_the_style_sheet_is_refused_when_a_byte_of_it_changes(chromium: Browser, pages: dict[str, Path]) -> None:
    chromium.open(pages["small"])
    assert chromium.run("document.styleSheets.length") == 1
    chromium.open(altered(pages["small"], "--page: #", "--page:  #"))
    assert chromium.complaints()
    assert chromium.run("getComputedStyle(document.body).maxWidth") == "none"


def test_a_page_that_is_too_wide_is_seen_here(chromium: Browser, pages: dict[str, Path]) -> None:
    chromium.show(390)
    chromium.open(pages["small"])
    chromium.run("document.querySelector('h1').append('w'.repeat(200)), document.body.style.overflowWrap = 'normal'")
    assert chromium.run(OVERFLOW) > 0


@pytest.mark.parametrize(("scheme", "media"), [("light", "screen"), ("dark", "screen"), ("dark", "print")])
def test_every_text_stands_out_enough(chromium: Browser, pages: dict[str, Path], scheme: str, media: str) -> None:
    chromium.show(1280, scheme, media)
    for name in ("compared", "floor"):
        chromium.open(pages[name])
        chromium.run(UNFOLD)
        contrast, text = chromium.run(CONTRAST)
        assert contrast >= 4.5, text
    chromium.run("document.querySelector('#identity p').style.color = '#999'")
    contrast, text = chromium.run(CONTRAST)
    assert contrast < 4.5 or (scheme == "dark" and media == "screen")


def test_light_and_dark_differ(chromium: Browser, pages: dict[str, Path]) -> None:
    shown = {}
    for scheme in ("light", "dark"):
        chromium.show(1280, scheme)
        chromium.open(pages["small"])
        shown[scheme] = chromium.run("getComputedStyle(document.body).backgroundColor")
    assert sum(map(int, re.findall(r"\d+", shown["light"]))) > 700
    assert sum(map(int, re.findall(r"\d+", shown["dark"]))) < 120


def test_what_is_folded_on_the_screen_is_printed(chromium: Browser, pages: dict[str, Path]) -> None:
    def seen() -> Counter[str]:
        return Counter(chromium.run("document.body.innerText").split())

    digest = f"{7:032x}{3:032x}"
    chromium.show(1280)
    chromium.open(pages["floor"])
    assert chromium.run("document.querySelectorAll('details[open]').length") == 0
    assert digest not in seen()
    chromium.run(UNFOLD)
    unfolded = seen()
    assert digest in unfolded
    chromium.show(688, "light", "print")  # the width of A4 without its margins
    chromium.open(pages["floor"])
    assert chromium.run("document.querySelectorAll('details[open]').length") == 0
    printed = seen()
    for_the_screen = "[...document.querySelectorAll('.skip, nav')].map(found => found.textContent).join(' ')"
    assert unfolded - printed - Counter(chromium.run(for_the_screen).split()) == Counter()
    assert chromium.run(OVERFLOW) == 0
    cut_off = "[...document.querySelectorAll('.wide')].filter(frame => frame.scrollWidth > frame.clientWidth).length"
    assert chromium.run(cut_off) == 0


def test_it_is_printed_on_a4(chromium: Browser, pages: dict[str, Path]) -> None:
    chromium.show(1280)
    chromium.open(pages["small"])
    printed = chromium.pdf()
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", printed)
    sizes = {(round(float(width)), round(float(height))) for width, height in boxes}
    assert sizes == {(595, 842)}
    assert len(re.findall(rb"/Type /Page\b", printed)) > 3


def test_the_keyboard_reaches_what_the_mouse_does(chromium: Browser, pages: dict[str, Path]) -> None:
    def press(key: str, code: int, text: str = "") -> None:
        for kind in ("keyDown", "keyUp"):
            chromium.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code,
                          text=text if kind == "keyDown" else "")  # fmt: skip

    chromium.show(1280)
    chromium.open(pages["small"])
    press("Tab", 9)
    assert chromium.run("document.activeElement.className") == "skip"
    assert chromium.run("document.activeElement.getBoundingClientRect().left") >= 0
    assert chromium.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    press("Enter", 13, "\r")
    assert chromium.run("document.activeElement.id") == "main"
    chromium.run("document.querySelector('#fails summary').focus()")
    press("Enter", 13, "\r")
    assert chromium.run("document.querySelector('#fails details').open") is True
    reached = "frame => frame.tabIndex === 0 && frame.ariaLabelledByElements.length"
    frames = f"[...document.querySelectorAll('.wide')].every({reached})"
    assert chromium.run(frames) is True


def test_a_link_to_a_rule_unfolds_what_it_points_at(chromium: Browser, pages: dict[str, Path]) -> None:
    chromium.show(1280)
    chromium.open(pages["small"])
    chromium.run("document.querySelector('#controls td a').click()")
    assert chromium.run("document.querySelector('#rules details').open") is True
