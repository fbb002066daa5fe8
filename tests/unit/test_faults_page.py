"""FAULTS.md tells the catalogue as it is."""

from __future__ import annotations

from typing import Any

import pytest

from chaos_ecs.chaos import catalogue, parameters
from tests.toy_fault import PACKAGE

PAGE = (PACKAGE / "FAULTS.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("fault", catalogue.FAULTS, ids=lambda fault: fault.name)
def test_every_fault_is_on_the_page_with_its_id_its_sentence_and_its_parameters(fault: Any) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{fault.name}` |")]
    _, _, id_, sentence, told, measured, _ = [cell.strip() for cell in row.split("|")]
    assert (id_, sentence) == (f"`{fault.action_id}`", catalogue.sentence(fault))
    assert measured
    wanted = [
        f"{item.name} (required)"
        if item.default is None
        else f"{item.name} ({item.default})"
        if item.default
        else item.name
        for item in parameters.parameters_of(fault)
    ]
    assert told == (", ".join(wanted) or "-")


def test_no_fault_is_on_the_page_that_does_not_exist() -> None:
    rows = [line.split("`")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    assert sorted(rows) == sorted(fault.name for fault in catalogue.FAULTS)


def test_fallbacks_and_what_is_not_offered_are_told_in_their_own_words() -> None:
    for fault in catalogue.FAULTS:
        assert fault.fallback in PAGE
    for name, why in catalogue.NOT_OFFERED.items():
        assert f"`{name}`: {why}" in PAGE
