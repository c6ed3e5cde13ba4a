"""The findings of `tak-base verify` as GitHub's code scanning takes them.

What it needs: https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

import dataclasses
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tak_tools.errors import InputError
from tak_tools.verify import CHECKS, Finding, Result
from tak_tools.verify.sarif import check_writable, sarif, write

ACCOUNT = "1" * 12
KEY = f"arn:aws:kms:ap-southeast-2:{ACCOUNT}:key/3a209f09-50a7-4832-a58b-d9cde20f38fb"
ROTATION = Finding("key-rotation", KEY, "rotation false", "rotation true")
UNANSWERED = Finding("key-policy", "kms:GetKeyPolicy", "AccessDenied", "an answer", unchecked=True)
STARTED, ENDED = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC), datetime(2026, 11, 24, 1, 2, 9, tzinfo=UTC)


def log_of(*findings: Finding, stack: str = "prod", path: Path = Path("Pulumi.prod.yaml")) -> dict[str, Any]:
    """The SARIF log of a run with these findings, and `protection` skipped."""
    results = [Result(check, tuple(item for item in findings if item.check == check.name)) for check in CHECKS.values()]
    results[0] = Result(CHECKS["protection"], skipped="needs --state")
    return sarif(results, stack, path, started=STARTED, ended=ENDED)


def run_of(*findings: Finding, **other: Any) -> dict[str, Any]:
    (run,) = log_of(*findings, **other)["runs"]
    return run


def fingerprints(*findings: Finding) -> list[str]:
    return [result["partialFingerprints"]["primaryLocationLineHash"] for result in run_of(*findings)["results"]]


def test_a_log_has_the_version_that_github_takes() -> None:
    log = log_of()
    assert (log["version"], log["$schema"]) == ("2.1.0", "https://json.schemastore.org/sarif-2.1.0.json")


def test_every_check_is_a_rule_with_its_texts_and_its_controls_as_tags() -> None:
    rules = {rule["id"]: rule for rule in run_of()["tool"]["driver"]["rules"]}
    assert set(rules) == {*CHECKS} - {next(iter(CHECKS))} | {"protection"}
    for name, rule in rules.items():
        check = CHECKS[name]
        assert rule["shortDescription"] == rule["fullDescription"] == {"text": check.description}
        assert rule["help"]["text"].startswith(check.description)
        assert rule["properties"]["tags"] == list(check.controls)
        # GitHub shows 10 tags at most of a rule.
        assert len(check.controls) <= 10
    assert rules["key-rotation"]["help"]["text"].endswith(
        " Controls: KMS.4 (CIS 1.4: 3.8, CIS 3.0: 3.6, CIS 5.0: 3.6); docs/controls.md explains them."
    )


def test_a_finding_is_a_result_at_the_stack_file() -> None:
    run = run_of(ROTATION)
    (result,) = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "key-rotation"
    assert result["level"] == "error"
    assert result["message"]["text"] == (
        f"{KEY.replace(ACCOUNT, 'ACCOUNT')}: found rotation false, expected rotation true"
    )
    (location,) = result["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "Pulumi.prod.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 1},
    }


def test_a_stack_file_in_a_folder_is_named_from_the_folder_of_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def uri(path: Path) -> str:
        (result,) = run_of(ROTATION, path=path)["results"]
        return result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]

    assert uri(Path("my layer") / "Pulumi.prod.yaml") == "my%20layer/Pulumi.prod.yaml"
    assert uri(tmp_path / "Pulumi.prod.yaml") == "Pulumi.prod.yaml"
    assert uri(tmp_path.parent / "Pulumi.prod.yaml") == "Pulumi.prod.yaml"


def test_what_could_not_be_checked_is_a_warning_and_a_notification() -> None:
    run = run_of(UNANSWERED)
    (result,) = run["results"]
    assert (result["ruleId"], result["level"]) == ("key-policy", "warning")
    (invocation,) = run["invocations"]
    assert {(item["associatedRule"]["id"], item["level"]) for item in invocation["toolExecutionNotifications"]} == {
        ("protection", "note"),
        ("key-policy", "error"),
    }


def test_an_invocation_says_when_it_ran_and_how_it_ended() -> None:
    (fine,), (findings,) = run_of()["invocations"], run_of(ROTATION)["invocations"]
    assert (fine["startTimeUtc"], fine["endTimeUtc"]) == ("2026-11-24T01:02:03Z", "2026-11-24T01:02:09Z")
    assert (fine["exitCode"], findings["exitCode"]) == (0, 1)
    assert fine["executionSuccessful"] is findings["executionSuccessful"] is True


def test_a_finding_keeps_its_identity_though_what_is_found_changes_and_others_come() -> None:
    worse = dataclasses.replace(ROTATION, found="rotation none")
    other = Finding("key-rotation", KEY, "rotation period in days 90", "rotation period in days 365")
    (alone,) = fingerprints(ROTATION)
    assert fingerprints(worse) == [alone]
    assert fingerprints(other, ROTATION)[1] == alone
    assert len({*fingerprints(ROTATION, other, ROTATION, UNANSWERED)}) == 4


def test_the_alerts_of_one_stack_leave_those_of_another_alone() -> None:
    categories = {run_of(stack=stack)["automationDetails"]["id"] for stack in ("prod", "dev-test")}
    assert categories == {"tak-base-verify/prod/", "tak-base-verify/dev-test/"}


def test_no_account_id_is_in_the_file_nor_in_what_its_hashes_are_made_of() -> None:
    findings = [ROTATION, dataclasses.replace(UNANSWERED, found=f"AccessDenied for {ACCOUNT}")]
    assert ACCOUNT not in json.dumps(log_of(*findings))
    elsewhere = dataclasses.replace(ROTATION, resource=KEY.replace(ACCOUNT, "2" * 12))
    assert fingerprints(ROTATION) == fingerprints(elsewhere)


def test_fingerprints_are_not_masked() -> None:
    """Twelve digits of a hash look like an account ID."""
    many = [dataclasses.replace(ROTATION, resource=f"key-{number}") for number in range(500)]
    assert all(re.fullmatch(r"[0-9a-f]{16}:1", item) for item in fingerprints(*many))


def test_the_file_is_the_log(tmp_path: Path) -> None:
    path = tmp_path / "verify.sarif"
    check_writable(path)
    write(path, log_of(ROTATION))
    assert json.loads(path.read_text()) == log_of(ROTATION)


@pytest.mark.parametrize("place", ["none/verify.sarif", "."])
def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path, place: str) -> None:
    path = tmp_path / place
    for refuse in (check_writable, lambda path: write(path, {})):
        with pytest.raises(InputError) as stopped:
            refuse(path)
        (problem,) = stopped.value.problems
        assert problem.startswith(f"--sarif: found {path}, expected a file that can be written")
