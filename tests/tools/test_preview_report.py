"""The report on `pulumi preview`: what it says of breaking changes, what it leaves out, and when it fails.

The documents have the shape of PreviewDigest (pkg/display/json.go in pulumi/pulumi).
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tak_tools.formatting import mask_account_ids
from tak_tools.preview_report import breaking_changes, fingerprint, main, report

PARENT = "tak-base:index:Network"
ACCOUNT = "1234" * 3


def step(op: str, type_: str, name: str, **fields: Any) -> dict[str, Any]:
    """A step as the engine writes it; `name` may have the separators of a URN in it."""
    urn = f"urn:pulumi:prod::tak-base::{PARENT}${type_}::{name}"
    return {"op": op, "urn": urn, "detailedDiff": None, **fields}


def preview(*steps: dict[str, Any]) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for item in steps:
        counts[item["op"]] = counts.get(item["op"], 0) + 1
    return {"config": {}, "steps": list(steps), "changeSummary": counts}


VPC = "aws:ec2/vpc:Vpc"
REPLACED = step("replace", VPC, "tak-vpc", replaceReasons=["cidrBlock"], diffReasons=["cidrBlock", "tags"])
DELETED = step("delete", "aws:s3/bucket:Bucket", "tak-app-images", oldState={"retainOnDelete": False})


@pytest.mark.parametrize(
    "type_",
    [
        VPC,
        "aws:ec2/subnet:Subnet",
        "aws:ec2/eip:Eip",
        "aws:ecs/cluster:Cluster",
        "aws:ecr/repository:Repository",
        "aws:s3/bucket:Bucket",
        "aws:kms/key:Key",
        "aws:acm/certificate:Certificate",
    ],
)
@pytest.mark.parametrize("op", ["replace", "delete", "create-replacement", "import-replacement"])
def test_to_replace_or_delete_what_others_rely_on_is_breaking(op: str, type_: str) -> None:
    (change,) = breaking_changes(preview(step(op, type_, "tak-it")))
    assert (change.type, change.name) == (type_, "tak-it")


@pytest.mark.parametrize("op", ["same", "create", "update", "read", "refresh", "import", "delete-replaced", "discard"])
def test_other_operations_are_not_breaking(op: str) -> None:
    assert breaking_changes(preview(step(op, VPC, "tak-vpc"))) == []


@pytest.mark.parametrize(
    "type_", ["aws:ec2/natGateway:NatGateway", "aws:ec2/route:Route", "pulumi:providers:aws", PARENT]
)
def test_what_nobody_relies_on_may_be_replaced(type_: str) -> None:
    assert breaking_changes(preview(step("replace", type_, "tak-it"))) == []


def test_a_replacement_names_the_properties_that_cause_it() -> None:
    (change,) = breaking_changes(preview(REPLACED))
    assert (change.what, change.why) == ("replaced", "change of `cidrBlock`")


def test_a_replacement_without_a_changed_property_follows_another_replacement() -> None:
    (change,) = breaking_changes(preview(step("replace", VPC, "tak-vpc")))
    assert change.why == "something that it depends on is replaced"


def test_a_replacement_in_parts_is_one_change() -> None:
    parts = [step("create-replacement", VPC, "tak-vpc", replaceReasons=["cidrBlock"]), REPLACED]
    parts += [step("delete-replaced", VPC, "tak-vpc")]
    assert len(breaking_changes(preview(*parts))) == 1


def test_a_deletion_says_whether_aws_keeps_the_resource() -> None:
    (change,) = breaking_changes(preview(DELETED))
    assert (change.what, change.why) == ("deleted", "the program no longer has it")
    (change,) = breaking_changes(preview(DELETED | {"oldState": {"retainOnDelete": True}}))
    assert change.what == "removed from the stack, but kept in AWS"


def test_a_name_with_the_separators_of_a_urn_stays_whole() -> None:
    (change,) = breaking_changes(preview(step("delete", VPC, "a::b$c")))
    assert change.name == "a::b$c"


# The Markdown


def test_a_report_shows_counts_breaking_changes_and_the_text() -> None:
    same = step("same", "aws:kms/key:Key", "tak-key")
    assert report("prod", preview(REPLACED, DELETED, same), "the text\n", failed=False, allowed=False) == (
        "### `prod`: 1 to replace, 1 to delete, 1 unchanged\n\n"
        "**Breaking changes, which need the label `allow-breaking-change`:**\n\n"
        "| resource | what happens | why |\n"
        "| --- | --- | --- |\n"
        "| ec2 Vpc `tak-vpc` | replaced | change of `cidrBlock` |\n"
        "| s3 Bucket `tak-app-images` | deleted | the program no longer has it |\n\n"
        "<details>\n<summary>pulumi preview</summary>\n\n```diff\nthe text\n```\n\n</details>\n"
    )


def test_a_report_shows_breaking_changes_also_where_they_are_allowed() -> None:
    assert "**Breaking changes:**\n\n| resource |" in report("prod", preview(REPLACED), "", failed=False, allowed=True)
    assert "reaking" not in report("prod", preview(), "", failed=False, allowed=False)


def test_a_failed_preview_is_no_list_of_changes() -> None:
    assert report("prod", {}, "error: x", failed=True, allowed=True).startswith("### `prod`: the preview failed\n")


def test_no_text_ends_the_block_that_it_is_in() -> None:
    text = report("prod", preview(), "a\n````\n# heading\n```", failed=False, allowed=False)
    assert "\n`````diff\na\n````\n# heading\n```\n`````\n" in text


def test_a_long_text_is_cut_and_what_is_breaking_is_not() -> None:
    text = report("prod", preview(REPLACED), "x" * 100, failed=False, allowed=False, longest=10)
    assert "\nxxxxxxxxxx\n... the summary of the run has the rest\n" in text
    assert "| ec2 Vpc `tak-vpc` | replaced |" in text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"arn:aws:iam::{ACCOUNT}:role/x", "arn:aws:iam::ACCOUNT:role/x"),
        (f"{ACCOUNT}.dkr.ecr.ap-southeast-2.amazonaws.com/a", "ACCOUNT.dkr.ecr.ap-southeast-2.amazonaws.com/a"),
        (f'"aws:SourceAccount": "{ACCOUNT}"', '"aws:SourceAccount": "ACCOUNT"'),
        (f"logs-{ACCOUNT}-ap", "logs-ACCOUNT-ap"),
        (f"account{ACCOUNT}", "accountACCOUNT"),
        (f"key/1234abcd-12ab-34cd-56ef-{ACCOUNT}", f"key/1234abcd-12ab-34cd-56ef-{ACCOUNT}"),
        ("1" * 13, "1" * 13),
        ("1" * 11, "1" * 11),
    ],
)
def test_account_ids_are_masked_wherever_they_stand(text: str, masked: str) -> None:
    assert mask_account_ids(text) == masked
    assert masked in report("prod", preview(), text, failed=False, allowed=False)


# What was approved


def test_the_fingerprint_does_not_depend_on_order_or_on_names_made_up_by_a_preview() -> None:
    created = step("create", VPC, "tak-vpc", newState={"inputs": {"name": "tak-1a2b"}})
    again = created | {"newState": {"inputs": {"name": "tak-3c4d"}}}
    assert fingerprint(preview(created, DELETED)) == fingerprint(preview(DELETED, again))
    reasons = REPLACED | {"diffReasons": ["tags", "cidrBlock"]}
    assert fingerprint(preview(REPLACED)) == fingerprint(preview(reasons))


@pytest.mark.parametrize(
    "changed",
    [
        {"op": "update"},
        {"urn": f"urn:pulumi:prod::tak-base::{VPC}::tak-vpc-2"},
        {"oldState": {"id": "vpc-2", "modified": "2026-01-01T00:00:00Z"}},
        {"replaceReasons": []},
        {"diffReasons": []},
        {"detailedDiff": {"cidrBlock": {"kind": "update-replace", "inputDiff": False}}},
    ],
    ids=str,
)
def test_another_state_or_operation_has_another_fingerprint(changed: dict[str, Any]) -> None:
    assert fingerprint(preview(REPLACED)) != fingerprint(preview(REPLACED | changed))


def test_a_resource_more_has_another_fingerprint() -> None:
    assert fingerprint(preview(REPLACED)) != fingerprint(preview(REPLACED, DELETED))


# The commands


def reported(folder: Path, document: str, *options: str) -> int:
    (folder / "text").write_text("the text\n")
    (folder / "preview.json").write_text(document)
    paths = ["--text", str(folder / "text"), "--comment", str(folder / "comment.md"), str(folder / "preview.json")]
    return main(["report", "--stack", "prod", *options, *paths])


@pytest.mark.parametrize(
    ("steps", "options", "exit_code"),
    [
        ((), (), 0),
        ((REPLACED,), (), 1),
        ((REPLACED,), ("--allow-breaking",), 0),
        ((), ("--failed", "--allow-breaking"), 1),
    ],
)
def test_the_exit_code_says_whether_the_pull_request_passes(
    steps: tuple[dict[str, Any], ...],
    options: tuple[str, ...],
    exit_code: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert reported(tmp_path, json.dumps(preview(*steps)), *options) == exit_code
    assert capsys.readouterr().out == (tmp_path / "comment.md").read_text(encoding="utf-8")


def test_a_refused_change_is_one_line_on_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reported(tmp_path, json.dumps(preview(REPLACED)))
    assert capsys.readouterr().err == "tak-base: ec2 Vpc tak-vpc: replaced: change of `cidrBlock`\n"


def test_a_cli_that_failed_may_have_printed_no_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reported(tmp_path, "", "--failed") == 1
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("document", ["", "{", "[]"])
def test_a_document_that_cannot_be_used_is_one_line_and_exit_code_2(
    document: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reported(tmp_path, document) == 2
    path = tmp_path / "preview.json"
    assert main(["fingerprint", str(path)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"tak-base: {path}: expected what `pulumi preview --json` prints: ") for line in lines)


def test_a_missing_text_is_one_line_and_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "preview.json").write_text("{}")
    assert main(["report", "--stack", "prod", "--text", str(tmp_path / "no"), str(tmp_path / "preview.json")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
