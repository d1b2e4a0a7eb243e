"""The examples of docs/writing-rules.md are what they say: a rule, a baseline, a tailoring that can be used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from hardencheck.baselines.lint import FRAMEWORKS, lint
from hardencheck.baselines.load import load
from hardencheck.model.expectation import KEYWORDS
from hardencheck.model.outcome import Level

PAGE = (Path(__file__).parents[2] / "docs/writing-rules.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Write the files that the page shows under the names that it gives them."""
    for name, text in re.findall(r"^`(my-site/[a-z/-]+\.yaml)`\n\n```yaml\n(.*?)^```$", PAGE, re.M | re.S):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "my-site"


def test_the_example_loads_and_lints_clean(site: Path) -> None:
    assert lint(site) == []
    (rule,) = load(site).rules
    assert PAGE.count(rule.id) > 2, "the page speaks of the rule that it shows"


def test_the_tailoring_fits_the_example_and_the_specific_scope_wins(site: Path, tmp_path: Path) -> None:
    (text,) = [block for block in BLOCKS if block.startswith("values:")]
    path = tmp_path / "site.yaml"
    path.write_text(text)
    tailoring = load(site, path).tailoring
    assert tailoring.scope_for("desk1", ("all",)).values == {"report_max_age_days": 3}
    assert tailoring.scope_for("archive1", ("all", "kiosks")).values == {"report_max_age_days": 14}
    assert "ticket 4711" in str(tailoring.scope_for("archive1", ("all", "kiosks")).deselect)


def test_the_baseline_that_extends_another_loads(tmp_path: Path) -> None:
    (text,) = [block for block in BLOCKS if "extends:" in block]
    (tmp_path / "baseline.yaml").write_text(text)
    found = load(tmp_path)
    assert 0 < len(found.rules) < len(load("bpo-core").rules)
    assert found.values["password_min_length"].default == 12


def test_the_level_is_the_one_of_a_shipped_rule() -> None:
    (text,) = [block for block in BLOCKS if block.startswith("levels:")]
    shown = yaml.safe_load(text)["levels"]["literal-stig"]
    assert load("bpo-core").rule("linux-password-min-length").at(Level.LITERAL_STIG).expect == shown["expect"]


def test_the_table_names_every_keyword_and_no_other() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGE, re.M)
    assert {word for row in rows for word in re.findall(r"`(\w+)`", row)} == set(KEYWORDS)


def test_every_framework_is_named() -> None:
    assert [name for name in FRAMEWORKS if f"`{name}`" not in PAGE] == []


def test_lines_are_short() -> None:
    assert [line for line in PAGE.splitlines() if len(line) > 120] == []
