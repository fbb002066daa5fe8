"""The guide of ARCHITECTURE.md, followed to the letter in a copy of the package."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chaos_ecs.chaos import catalogue
from chaos_ecs.cli import refusals
from chaos_ecs.core.errors import InvalidParameterException
from tests.toy_fault import FILE, GUIDE_TEXT, IMPORT, PACKAGE, to_read

ROOT = PACKAGE.parent
MOST_LINES = 350

ON_THE_SIMULATOR = """
import json
from tests.unit.api_harness import Harness
api = Harness()
api.client().create_service(cluster="my-cluster", serviceName="web", taskDefinition="web-server", desiredCount=2)
api.simulation.advance(5)
asked = {"cluster": "my-cluster", "name": "litter", "service": "web", "parameters": {"path": "/tmp/rubbish"}}
plan = api.chaos("InjectFault", dryRun=True, **asked)
fault = api.chaos("InjectFault", **asked)["fault"]
api.simulation.advance(2)
active = api.chaos("DescribeFaults", faults=[fault])["faults"][0]["status"]
api.simulation.advance(60)
over = api.chaos("DescribeFaults", faults=[fault])["faults"][0]["status"]
actions = [one["id"] for one in api.client(service="fis").list_actions()["actions"]]
told = {"do": plan["victims"][0]["do"], "active": active, "over": over, "fis": "chaos-ecs:task-litter" in actions}
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package after steps 1 and 2 of the guide, with nothing added; the folder that it is in."""
    folder = tmp_path_factory.mktemp("guide")
    package = folder / "chaos_ecs"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    for path in written(package):
        assert f"`{path.relative_to(package).as_posix()}`" in GUIDE_TEXT
    family, register = written(package)
    family.write_text(FILE, encoding="utf-8")
    text = register.read_text(encoding="utf-8")
    text = text.replace("from chaos_ecs.chaos.faults.network", f"{IMPORT}from chaos_ecs.chaos.faults.network", 1)
    text = text.replace("    Wait,\n)", "    Litter,\n    Wait,\n)", 1)
    register.write_text(text, encoding="utf-8")
    return folder


def written(package: Path) -> tuple[Path, Path]:
    """The files that the guide has written."""
    return package / "chaos" / "faults" / "litter.py", package / "chaos" / "catalogue.py"


def ran(folder: Path, *words: str) -> str:
    path = os.pathsep.join((str(folder), str(ROOT)))
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "CHAOS_ECS_HOME": str(folder / "home"), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_adding_a_fault_takes_reading_under_350_lines() -> None:
    lines = {path.name: path.read_text(encoding="utf-8").count("\n") for path in to_read()}
    assert set(lines) == {"fault.py", "recipe.py", "tasks.py"}
    assert sum(lines.values()) + GUIDE_TEXT.count("\n") < MOST_LINES, lines


def test_the_fault_of_the_guide_works_on_the_simulator_and_is_an_action_of_fis(copied: Path) -> None:
    told = json.loads(ran(copied, "-c", ON_THE_SIMULATOR))
    assert told == {"do": ["touch /tmp/rubbish"], "active": "ACTIVE", "over": "COMPLETED", "fis": True}


def test_the_fault_of_the_guide_has_a_command_with_its_parameters_as_options(copied: Path) -> None:
    told = ran(copied, "-m", "chaos_ecs", "chaos", "inject", "litter", "--help")
    assert "Leaves a file where it does not belong." in told
    assert "--path" in told
    assert "--duration" in told


@pytest.mark.parametrize("asked", [("check",), ("format", "--check")])
def test_the_files_of_the_guide_need_no_tidying(copied: Path, asked: tuple[str, ...]) -> None:
    paths = [str(path) for path in written(copied / "chaos_ecs")]
    ran(copied, "-m", "ruff", *asked, "--no-cache", "--config", str(ROOT / "pyproject.toml"), *paths)


def test_a_controller_from_before_the_fault_was_added_is_to_be_stopped_says_the_guide_and_its_refusal() -> None:
    with pytest.raises(InvalidParameterException) as caught:  # as the older one has it
        catalogue.named("litter")
    body = json.dumps({"__type": caught.value.code, "message": caught.value.message}).encode()
    assert "There is no fault litter" in caught.value.message
    for told in (refusals.of("InjectFault", 400, body).hint, GUIDE_TEXT):
        assert "chaos-ecs controller stop" in told
