"""The command `tak-base`: exit codes, one line for each mistake, and nothing but data in a pipe."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tak_tools import cli
from tak_tools.stub_aws import StubAws

PROJECT_FOLDER = Path(__file__).parent.parent.parent


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """`run("plan", "--stack", "prod")`: the exit code, and what is printed to standard output and standard error."""

    def command(*arguments: str) -> tuple[Any, str, str]:
        monkeypatch.setattr("sys.argv", ["tak-base", *arguments])
        # The command turns the garbage collector off for its short life; the tests live longer.
        monkeypatch.setattr("gc.disable", lambda: None)
        with pytest.raises(SystemExit) as caught:
            cli.main()
        printed = capsys.readouterr()
        return caught.value.code, printed.out, printed.err

    return command


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "Missing command. (tak-base --help)"),
        (["paln"], "No such command 'paln'. Did you mean 'plan'? (tak-base --help)"),
        (["plan"], "Missing option '--stack' / '-s'. (tak-base --help)"),
        (["plan", "--stak", "prod"], "No such option: --stak (Possible options: --stack) (tak-base --help)"),
        (
            ["plan", "--stack", "prd", "--folder", str(PROJECT_FOLDER)],
            "--stack: found prd, expected one that has a file Pulumi.prd.yaml (there are: dev-test, local, prod)",
        ),
        (
            ["verify", "--stack", "prod", "--folder", str(PROJECT_FOLDER), "--outputs", "none.json"],
            "--outputs: none.json: No such file or directory",
        ),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(run, arguments: list[str], line: str) -> None:
    assert run(*arguments) == (2, "", f"tak-base: {line}\n")


def test_what_the_program_refuses_is_one_line_and_exit_code_2(run, monkeypatch: pytest.MonkeyPatch) -> None:
    def one_zone(self: StubAws, token: str, args: dict[str, Any]) -> dict[str, Any]:
        zones = "aws:index/getAvailabilityZones:getAvailabilityZones"
        return {"names": ["ap-southeast-2a"]} if token == zones else original(self, token, args)

    original = StubAws.call
    monkeypatch.setattr(StubAws, "call", one_zone)

    exit_code, printed, error = run("plan", "--stack", "prod", "--folder", str(PROJECT_FOLDER))

    assert (exit_code, printed) == (2, "")
    assert re.fullmatch(
        r"tak-base: aws:region: found ap-southeast-2 with 1 usable availability zone\(s\), expected [^\n]*\n", error
    )


@pytest.mark.slow
@pytest.mark.parametrize("command", ["plan", "diagram", "simulate", "addresses"])
def test_every_command_prints_json_and_nothing_else(run, command: str) -> None:
    stack = [] if command == "addresses" else ["--stack", "dev-test"]

    exit_code, printed, error = run(command, *stack, "--folder", str(PROJECT_FOLDER), "--json")

    assert (exit_code, error) == (0, "")
    assert isinstance(json.loads(printed), dict)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["plan", "simulate"])
def test_a_pipe_gets_no_colour_no_progress_and_no_cut_lines(run, command: str) -> None:
    exit_code, printed, error = run(command, "--stack", "prod", "--folder", str(PROJECT_FOLDER))

    assert (exit_code, error) == (0, "")
    assert "\x1b" not in printed
    assert "…" not in printed
