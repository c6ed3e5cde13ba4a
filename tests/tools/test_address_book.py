"""`tak-base addresses`: the network of every stack file, networks that are used twice, and the next free IDs."""

import json
import shutil
import sys
import time
from pathlib import Path

import pytest

from tak_tools import cli
from tak_tools.address_book import read_address_book, run
from tak_tools.errors import InputError
from tak_tools.stack_file import load_project, load_stack

PROJECT_FOLDER = Path(__file__).parent.parent.parent
SHARED = (
    "Pulumi.one.yaml and Pulumi.two.yaml: found majorId 4, minorId 5 (10.4.80.0/20) in each of them,"
    " expected different IDs for each stack"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(PROJECT_FOLDER / "Pulumi.yaml", tmp_path)
    return tmp_path


def add_stack(folder: Path, stack: str, major_id: int, minor_id: int | str) -> None:
    Path(folder, f"Pulumi.{stack}.yaml").write_text(
        "config:\n"
        "  aws:region: eu-west-1\n"
        "  tak-base:environment: dev-test\n"
        f"  tak-base:majorId: {major_id}\n"
        f"  tak-base:minorId: {minor_id}\n"
    )


def test_the_committed_stack_files_do_not_collide() -> None:
    book = read_address_book(PROJECT_FOLDER)
    assert book.collisions == ()
    networks = {entry.stack: str(entry.addresses.vpc) for entry in book.entries}
    assert (networks["prod"], networks["dev-test"]) == ("10.1.16.0/20", "10.1.32.0/20")


def test_two_files_with_the_same_ids_are_named_and_the_exit_code_is_1(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_stack(folder, "one", 4, 5)
    add_stack(folder, "two", 4, 5)
    assert run(folder, as_json=False) == 1
    assert capsys.readouterr().err == f"tak-base: {SHARED}\n"


@pytest.mark.parametrize("stack", ["one", "two"])
def test_every_command_for_one_stack_refuses_ids_that_another_stack_has(
    folder: Path, stack: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add_stack(folder, "one", 4, 5)
    # The Pulumi CLI writes numbers in quotes.
    add_stack(folder, "two", 4, "'5'")
    add_stack(folder, "three", 4, 6)
    monkeypatch.setattr("gc.disable", lambda: None)
    for command in ("plan", "simulate", "verify", "diagram"):
        monkeypatch.setattr(sys, "argv", ["tak-base", command, "--stack", stack, "--folder", str(folder)])
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        assert (command, exit_.value.code, capsys.readouterr()) == (command, 2, ("", f"tak-base: {SHARED}\n"))


def test_a_stack_can_be_used_beside_a_stack_file_with_mistakes(folder: Path) -> None:
    add_stack(folder, "one", 4, 5)
    Path(folder, "Pulumi.two.yaml").write_text("config: [")
    Path(folder, "Pulumi.three.yaml").write_text("config: {}")
    assert load_stack(load_project(folder), "one").settings.network.minor_id == 5


def test_the_next_free_minor_id_is_the_first_gap(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for minor_id in (0, 1, 3):
        add_stack(folder, f"s{minor_id}", 7, minor_id)
    assert run(folder, as_json=False) == 0
    assert "Next free: majorId 7, minorId 2 (10.7.32.0/20)" in capsys.readouterr().out


def test_a_full_major_id_leads_to_the_next_one(folder: Path) -> None:
    for minor_id in range(16):
        add_stack(folder, f"s{minor_id}", 0, minor_id)
    assert read_address_book(folder).next_free == (1, 0)


def test_the_mistakes_of_all_files_are_reported_together(folder: Path) -> None:
    add_stack(folder, "one", 256, 0)
    add_stack(folder, "two", 0, "three")
    with pytest.raises(InputError) as caught:
        read_address_book(folder)
    assert [problem.split(": found")[0] for problem in caught.value.problems] == [
        "Pulumi.one.yaml: tak-base:majorId",
        "Pulumi.two.yaml: tak-base:minorId",
    ]


def test_a_folder_without_stack_files_is_one_clear_line(folder: Path) -> None:
    with pytest.raises(InputError, match=r"^--folder: found no stack file in .*, expected files Pulumi.NAME.yaml$"):
        read_address_book(folder)


def test_json_has_every_network(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_stack(folder, "one", 4, 5)
    assert run(folder, as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == {
        "stacks": [
            {
                "file": "Pulumi.one.yaml",
                "stack": "one",
                "majorId": 4,
                "minorId": 5,
                "vpc": "10.4.80.0/20",
                "subnets": {
                    "public-a": "10.4.80.0/24",
                    "public-b": "10.4.81.0/24",
                    "private-a": "10.4.84.0/26",
                    "private-b": "10.4.85.0/26",
                },
            }
        ],
        "collisions": [],
        "nextFree": {"majorId": 4, "minorId": 0},
    }


@pytest.mark.slow
def test_4096_stack_files_take_under_5_seconds_and_fill_the_plan(folder: Path) -> None:
    for network in range(4096):
        add_stack(folder, f"s{network}", network // 16, network % 16)
    started = time.process_time()
    book = read_address_book(folder)
    assert time.process_time() - started < 5
    assert (len(book.entries), book.collisions, book.next_free) == (4096, (), None)
