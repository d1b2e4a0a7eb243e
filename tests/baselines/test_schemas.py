"""The published JSON Schemas as another person's editor would use them: through the plain jsonschema library."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import jsonschema
import pytest
import yaml

from hardencheck.baselines.schemas import NAMES, published
from hardencheck.model.expectation import KEYWORDS
from tests.baselines.frozen import CONTAINER, FROZEN, HEAD, KNOWN, PRIVILEGED

TAILORING = {
    "values": {"highest_uid": 1000},
    "deselect": {"linux-container-none": "all of them are containers"},
    "groups": {"kiosks": {"values": {"known_distributions": ["alpine"]}}},
    "hosts": {"agent7": {"deselect": {"linux-distribution-known": "on loan"}}},
}


def file(name: str) -> Any:
    return yaml.safe_load((FROZEN / name).read_text())


def errors(kind: str, data: Any) -> list[str]:
    return [error.json_path for error in jsonschema.Draft202012Validator(published(kind)).iter_errors(data)]


@pytest.mark.parametrize("kind", NAMES)
def test_a_published_schema_is_a_schema_with_a_name(kind: str) -> None:
    schema = published(kind)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"].startswith(f"urn:hardencheck:schema:{kind}:")
    with pytest.raises(KeyError):
        published("waiver")


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("baseline", file(HEAD)),
        ("rule", file(PRIVILEGED)),
        ("rule", file(KNOWN)),
        ("rule", file(CONTAINER)),
        ("tailoring", TAILORING),
        ("tailoring", {}),
    ],
    ids=str,
)
def test_good_files_are_valid(kind: str, data: Any) -> None:
    assert errors(kind, data) == []


def test_the_schema_knows_every_keyword_of_an_expectation() -> None:
    assert set(published("rule")["$defs"]["expectation"]["properties"]) == set(KEYWORDS)


GONE = object()
SLOPPY: list[tuple[str, Any, str, Any]] = [
    *(("rule", file(PRIVILEGED), key, GONE) for key in file(PRIVILEGED)),
    *(("rule", file(PRIVILEGED), key, None) for key in file(PRIVILEGED)),
    ("rule", file(PRIVILEGED), "playbook", "x.yml"),
    ("rule", file(PRIVILEGED), "severity", "critical"),
    ("rule", file(PRIVILEGED), "platforms", ["beos"]),
    ("rule", file(PRIVILEGED), "platforms", []),
    ("rule", file(PRIVILEGED), "id", "Linux_X"),
    ("rule", file(PRIVILEGED), "title", " "),
    ("rule", file(PRIVILEGED), "since", 0.1),
    ("rule", file(PRIVILEGED), "tags", ["a", "a"]),
    ("rule", file(PRIVILEGED), "expect", {}),
    ("rule", file(PRIVILEGED), "expect/uid", {}),
    ("rule", file(PRIVILEGED), "expect/uid", {"minimun": 0}),
    ("rule", file(PRIVILEGED), "expect/uid", {"minimum": "0"}),
    ("rule", file(PRIVILEGED), "expect/uid", {"minimum": {"$value": 5}}),
    ("rule", file(PRIVILEGED), "expect/uid", {"minimum": {"$value": "a", "or": 5}}),
    ("rule", file(PRIVILEGED), "expect/uid", {"$ref": "#"}),
    ("rule", file(PRIVILEGED), "expect/uid", {"not": {}}),
    ("rule", file(PRIVILEGED), "expect/uid", {"anyOf": [{"minimum": 0}, True]}),
    ("rule", file(PRIVILEGED), "expect/uid", {"items": {"$value": "a"}}),
    ("rule", file(PRIVILEGED), "expect/uid", {"maxItems": -1}),
    ("rule", file(PRIVILEGED), "expect/uid", {"type": "int"}),
    ("rule", file(PRIVILEGED), "remediation/command", "rm"),
    ("rule", file(PRIVILEGED), "remediation/risk", "none"),
    ("rule", file(PRIVILEGED), "remediation/playbook", "../../etc/passwd.yml"),
    ("rule", file(PRIVILEGED), "examples/pass", []),
    ("rule", file(PRIVILEGED), "examples/fail", GONE),
    ("rule", file(PRIVILEGED), "references/nist-800-53r5", []),
    ("baseline", file(HEAD), "version", "1"),
    ("baseline", file(HEAD), "rules", []),
    ("baseline", file(HEAD), "values/highest_uid/default", GONE),
    ("baseline", file(HEAD), "values/highest_uid/schema", {}),
    ("baseline", file(HEAD), "values/highest_uid/schema", {"minimum": 0}),
    ("baseline", file(HEAD), "values/highest_uid/schema", {"type": "object"}),
    ("baseline", file(HEAD), "values/known_distributions/schema/items", {}),
    ("baseline", file(HEAD), "values/known_distributions/schema/items", GONE),
    ("baseline", file(HEAD), "values/Bad-Name", {"title": "x", "default": 1, "schema": {"type": "integer"}}),
    ("tailoring", TAILORING, "deselect", ["linux-container-none"]),
    ("tailoring", TAILORING, "deselect/linux-container-none", ""),
    ("tailoring", TAILORING, "deselect/linux-container-none", None),
    ("tailoring", TAILORING, "groups/kiosks/value", {}),
    ("tailoring", TAILORING, "hosts/agent7", ["x"]),
    ("tailoring", TAILORING, "select", {}),
]


@pytest.mark.parametrize(("kind", "data", "path", "value"), SLOPPY, ids=lambda each: str(each)[:40])
def test_sloppy_files_are_not_valid(kind: str, data: Any, path: str, value: Any) -> None:
    sloppy = deepcopy(data)
    *parents, key = path.split("/")
    at = sloppy
    for parent in parents:
        at = at[parent]
    if value is GONE:
        del at[key]
    else:
        at[key] = value
    assert errors(kind, sloppy)
    assert not errors(kind, data)
