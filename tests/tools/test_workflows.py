"""The workflows as GitHub reads them: their permissions, and the effect of their scripts.

actionlint and zizmor run in `make check`; this file tests what they cannot know.
"""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tak_tools.preview_report import LABEL

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
ACTIONS = sorted((GITHUB / "actions").glob("*/action.yml"))
FILES = {str(path.relative_to(GITHUB)): path for path in [*WORKFLOWS, *ACTIONS]}

SAME_REPOSITORY = "github.event.pull_request.head.repo.full_name == github.repository"
NOT_DEPENDABOT = "github.event.pull_request.user.login != 'dependabot[bot]'"

# Every job's token. A job that is not here, or has more, is a change of what a compromised step can do.
PERMISSIONS = {
    ("test", "check"): {"contents": "read"},
    ("preview", "plan"): {"contents": "read"},
    ("preview", "comment"): {"pull-requests": "write"},
    ("preview", "preview"): {"contents": "read", "id-token": "write"},
    ("preview", "result"): {},
    ("deploy", "dev-test"): {"contents": "read", "id-token": "write"},
    ("deploy", "prod"): {"contents": "read", "id-token": "write"},
    ("deploy-stack", "preview"): {"contents": "read", "id-token": "write"},
    ("deploy-stack", "up"): {"contents": "read", "id-token": "write"},
    ("drift", "stacks"): {"contents": "read"},
    ("drift", "check"): {"contents": "read", "id-token": "write"},
    ("drift", "code-scanning"): {"actions": "read", "contents": "read", "security-events": "write"},
    ("drift", "report"): {"actions": "read", "issues": "write"},
}


def load(name: str) -> dict[str, Any]:
    """A file under .github. Every value is text, so that `on` is a key and not the number 1."""
    return yaml.load((GITHUB / name).read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506, it makes only text


def workflow(name: str) -> dict[str, Any]:
    return load(f"workflows/{name}.yml")


def jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Workflow, name and content of every job."""
    for path in WORKFLOWS:
        for name, job in workflow(path.stem)["jobs"].items():
            yield path.stem, name, job


def steps() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Every step with the place it stands in, and the job or action around it."""
    for workflow_name, job_name, job in jobs():
        for step in job.get("steps", ()):
            yield f"{workflow_name}/{job_name}", job, step
    for path in ACTIONS:
        runs = load(str(path.relative_to(GITHUB)))["runs"]
        for step in runs["steps"]:
            yield path.parent.name, runs, step


def step_named(place: str, name: str) -> dict[str, Any]:
    (found,) = [step for where, _, step in steps() if where == place and step.get("name") == name]
    return found


def step_using(place: str, action: str) -> dict[str, Any]:
    """The step that uses an action of the repository."""
    (found,) = [
        step for where, _, step in steps() if where == place and step.get("uses") == f"./.github/actions/{action}"
    ]
    return found


SCRIPTS = [
    pytest.param(step["run"], id=f"{where}-{step.get('name', step['run'])}")
    for where, _, step in steps()
    if "run" in step
]


# What they may do


@pytest.mark.parametrize("name", FILES)
def test_every_action_is_pinned_by_a_commit_with_its_version_beside_it(name: str) -> None:
    for line in FILES[name].read_text(encoding="utf-8").splitlines():
        if "uses:" not in line:
            continue
        used = line.split("uses:")[1].strip()
        if used.startswith("./"):
            assert (ROOT / used).is_file() or (ROOT / used / "action.yml").is_file(), used
        else:
            assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), used


def test_an_action_has_the_same_commit_everywhere() -> None:
    commits: dict[str, set[str]] = {}
    for path in FILES.values():
        for action, commit in re.findall(r"uses: (\S+)@(\S+ # \S+)", path.read_text(encoding="utf-8")):
            commits.setdefault(action, set()).add(commit)
    assert {action: len(found) for action, found in commits.items()} == {
        "actions/checkout": 1,
        "actions/download-artifact": 1,
        "actions/upload-artifact": 1,
        "astral-sh/setup-uv": 1,
        "aws-actions/configure-aws-credentials": 1,
        "github/codeql-action/upload-sarif": 1,
        "pulumi/actions": 1,
    }


def test_no_workflow_has_a_permission_and_each_job_has_what_it_needs() -> None:
    assert {path.stem: workflow(path.stem)["permissions"] for path in WORKFLOWS} == {
        path.stem: {} for path in WORKFLOWS
    }
    assert {(where, name): job["permissions"] for where, name, job in jobs()} == PERMISSIONS


def test_no_checkout_leaves_its_token_on_disk() -> None:
    checkouts = [step for _, _, step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] == "false" for step in checkouts)


def test_every_job_has_a_time_limit_that_its_role_outlasts() -> None:
    default = int(load("actions/pulumi/action.yml")["inputs"]["role-duration-seconds"]["default"])
    for where, name, job in jobs():
        if "uses" in job:
            continue
        assert 0 < int(job["timeout-minutes"]) <= 90, (where, name)
        for step in job["steps"]:
            if step.get("uses") == "./.github/actions/pulumi":
                lasts = int(step["with"].get("role-duration-seconds", default))
                assert lasts >= 60 * int(job["timeout-minutes"]), (where, name)
    # The AWS provider waits 75 minutes for a certificate. An update that is stopped leaves the state locked.
    assert int(workflow("deploy-stack")["jobs"]["up"]["timeout-minutes"]) > 75


def test_no_script_has_an_expression_in_it() -> None:
    """An expression is put into a script as it is: a branch named `$(...)` would run. Values come in through `env`."""
    assert [where for where, _, step in steps() if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_is_bash(script: str) -> None:
    result = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)  # noqa: S607
    assert (result.returncode, result.stderr) == (0, "")


def test_every_script_stops_at_the_first_error_in_a_pipe_too() -> None:
    """Only `shell: bash`, spelt out, has pipefail."""
    for path in WORKFLOWS:
        document = workflow(path.stem)
        long = [
            step for job in document["jobs"].values() for step in job.get("steps", ()) if "\n" in step.get("run", "")
        ]
        if long:
            assert document["defaults"]["run"]["shell"] == "bash", path.stem
    assert all(step["shell"] == "bash" for where, runs, step in steps() if "using" in runs and "run" in step)


@pytest.mark.parametrize("path", [path for path in GITHUB.rglob("*") if path.is_file()], ids=lambda path: path.name)
def test_nothing_names_an_account_or_a_role(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"(?<![0-9a-f])\d{12}(?![0-9a-f])", text)
    assert "arn:aws" not in text
    assert not re.search(r"\$\{\{[^}]*\bsecrets\b", text)


# Forks and Dependabot


def test_a_fork_gets_no_credentials_and_no_token_that_can_write() -> None:
    for name, job in workflow("preview")["jobs"].items():
        permissions = job["permissions"]
        if "write" in permissions.values() or "vars." in json.dumps(job):
            assert SAME_REPOSITORY in job["if"].split(" && "), name
    assert "if" not in workflow("preview")["jobs"]["plan"]
    assert "vars." not in json.dumps(workflow("test"))


def test_pull_requests_of_dependabot_get_no_role() -> None:
    """They run the code of new packages. Their author counts: the actor is whoever has set a label since."""
    for path in WORKFLOWS:
        document = workflow(path.stem)
        if "pull_request" not in document["on"]:
            continue
        for name, job in document["jobs"].items():
            if "id-token" in job["permissions"] or "vars." in json.dumps(job):
                assert job["if"].split(" && ") == [SAME_REPOSITORY, NOT_DEPENDABOT], name


def test_what_can_write_to_a_pull_request_runs_none_of_its_code() -> None:
    for where, name, job in jobs():
        if "pull-requests" not in job["permissions"]:
            continue
        used = [step["uses"].split("@")[0] for step in job["steps"] if "uses" in step]
        assert used == ["actions/download-artifact"], (where, name)
        assert "id-token" not in job["permissions"]
        (script,) = [step["run"] for step in job["steps"] if "run" in step]
        assert not re.search(r"\b(uv|make|python3?|pulumi)\b", script)


def test_the_check_to_require_passes_without_previews_and_fails_with_a_failed_one(tmp_path: Path) -> None:
    """A skipped matrix reports no check of a stack's name: https://github.com/actions/runner/issues/952."""
    job = workflow("preview")["jobs"]["result"]
    assert job["if"] == "${{ always() }}"
    assert job["needs"] == ["plan", "preview"]
    script = step_named("preview/result", "The plan and the previews have passed")["run"]
    results = ("success", "failure", "cancelled", "skipped")
    passing = {
        (plan, preview)
        for plan in results
        for preview in results
        if run_script(script, tmp_path, PLAN=plan, PREVIEW=preview).returncode == 0
    }
    assert passing == {("success", "success"), ("success", "skipped")}


def test_no_event_runs_the_code_of_a_fork_with_the_rights_of_the_repository() -> None:
    events = {
        path.stem: sorted(on) if isinstance(on := workflow(path.stem)["on"], dict) else [on] for path in WORKFLOWS
    }
    assert events == {
        "deploy": ["push"],
        "deploy-stack": ["workflow_call"],
        "drift": ["schedule", "workflow_dispatch"],
        "preview": ["pull_request"],
        "test": ["pull_request", "push"],
    }
    assert workflow("deploy")["on"]["push"] == workflow("test")["on"]["push"] == {"branches": ["main"]}


# Stacks


@pytest.mark.parametrize(("name", "job", "finder"), [("preview", "preview", "plan"), ("drift", "check", "stacks")])
def test_the_matrix_is_found_and_not_listed(name: str, job: str, finder: str) -> None:
    document = workflow(name)
    expression = document["jobs"][job]["strategy"]["matrix"]["stack"]
    (output,) = re.findall(rf"^\$\{{\{{ fromJSON\(needs\.{finder}\.outputs\.(\w+)\) \}}\}}$", expression)
    assert document["jobs"][finder]["outputs"][output] == "${{ steps.stacks.outputs.names }}"
    (step,) = [step for step in document["jobs"][finder]["steps"] if step.get("id") == "stacks"]
    assert step["uses"] == "./.github/actions/find-stacks"
    assert document["jobs"][job]["strategy"]["fail-fast"] == "false"
    assert not re.search(r"\b(dev-test|prod)\b", (GITHUB / f"workflows/{name}.yml").read_text(encoding="utf-8"))


def find_stacks(folder: Path, *files: str) -> subprocess.CompletedProcess[str]:
    for file in files:
        (folder / file).touch()
    return run_script(step_named("find-stacks", "Find the stack files")["run"], folder)


def test_stacks_are_the_files_of_the_folder_without_local(tmp_path: Path) -> None:
    result = find_stacks(
        tmp_path, "Pulumi.yaml", "Pulumi.prod.yaml", "Pulumi.local.yaml", "Pulumi.dev-test.yaml", "Pulumi.a.b_1.yaml"
    )
    assert (result.returncode, result.stdout) == (0, "")
    (line,) = output(tmp_path).splitlines()
    assert json.loads(line.removeprefix("names=")) == ["a.b_1", "dev-test", "prod"]


def test_the_stacks_of_the_repository_are_found(tmp_path: Path) -> None:
    stack_files = sorted(path.name for path in ROOT.glob("Pulumi.*.yaml"))
    assert find_stacks(tmp_path, *stack_files).returncode == 0
    assert json.loads(output(tmp_path).removeprefix("names=")) == [
        name for file in stack_files if (name := file.split(".")[1]) != "local"
    ]


@pytest.mark.parametrize("file", ["Pulumi.a b.yaml", "Pulumi.$(id).yaml", 'Pulumi."];x.yaml', "Pulumi.a\nnames=x.yaml"])
def test_a_file_name_without_a_stack_name_is_an_error(file: str, tmp_path: Path) -> None:
    result = find_stacks(tmp_path, "Pulumi.prod.yaml", file)
    assert result.returncode == 1
    assert result.stdout.startswith("::error::found a stack file with a name that Pulumi refuses")
    assert output(tmp_path) == ""


@pytest.mark.parametrize("files", [(), ("Pulumi.yaml",), ("Pulumi.local.yaml",)])
def test_a_repository_without_stacks_is_an_error_not_an_empty_matrix(files: tuple[str, ...], tmp_path: Path) -> None:
    result = find_stacks(tmp_path, *files)
    assert (result.returncode, output(tmp_path)) == (1, "")
    assert result.stdout == "::error::found no stack file, expected files Pulumi.NAME.yaml\n"


# Deployments


def test_prod_is_deployed_after_dev_test_and_each_in_the_environment_of_its_name() -> None:
    document = workflow("deploy")
    assert list(document["jobs"]) == ["dev-test", "prod"]
    for stack, job in document["jobs"].items():
        assert job["uses"] == "./.github/workflows/deploy-stack.yml"
        assert job["with"] == {"stack": stack}
        assert "secrets" not in job
    assert document["jobs"]["prod"]["needs"] == "dev-test"
    assert "needs" not in document["jobs"]["dev-test"]
    assert workflow("deploy-stack")["jobs"]["up"]["environment"] == "${{ inputs.stack }}"


def test_a_stack_has_one_deployment_at_a_time_and_none_is_cancelled() -> None:
    assert "concurrency" not in workflow("deploy")
    assert "concurrency" not in workflow("deploy-stack")
    assert workflow("deploy-stack")["jobs"]["up"]["concurrency"] == {
        "group": "deploy-${{ inputs.stack }}",
        "cancel-in-progress": "false",
    }


def test_only_deploy_stack_changes_aws_and_only_there_is_the_deploy_role() -> None:
    up = re.compile(r"\bpulumi (up|update|destroy|refresh|import|cancel|state)\b")
    assert {where for where, _, step in steps() if up.search(step.get("run", ""))} == {"deploy-stack/up"}
    # Without a command the action only installs the CLI.
    assert not [step for _, _, step in steps() if "command" in step.get("with", {})]
    roles = {where: json.dumps(job) for where, job, _ in steps() if "AWS_DEPLOY_ROLE_ARN" in json.dumps(job)}
    assert list(roles) == ["deploy-stack/up"]
    assert "AWS_PREVIEW_ROLE_ARN" not in roles["deploy-stack/up"]


def test_a_deployment_runs_the_policies_and_ends_with_verify() -> None:
    scripts = [step["run"] for where, _, step in steps() if where == "deploy-stack/up" and "run" in step]
    assert scripts[-2:] == [
        'pulumi up --stack "$STACK" --yes --non-interactive --policy-pack policy',
        'uv run --no-sync tak-base verify --stack "$STACK"',
    ]


def test_what_can_change_aws_or_reads_prod_alone_uses_no_cache_of_other_runs() -> None:
    for where in ("deploy-stack/preview", "deploy-stack/up", "drift/check"):
        assert step_using(where, "setup")["with"]["cache"] == "false"


def test_drift_is_looked_for_every_day_and_each_check_runs_though_another_failed() -> None:
    assert re.fullmatch(r"\d+ \d+ \* \* \*", workflow("drift")["on"]["schedule"][0]["cron"])
    preview, policy, verify = [step for step in workflow("drift")["jobs"]["check"]["steps"] if "run" in step]
    assert preview["run"].split()[:2] == ["pulumi", "preview"]
    assert {"--refresh", "--expect-no-changes", "--non-interactive"} <= set(preview["run"].split())
    assert policy["run"] == 'pulumi policy analyze --stack "$STACK" --policy-pack policy --non-interactive'
    assert verify["run"] == 'uv run --no-sync tak-base verify --stack "$STACK" --sarif "$SARIF"'
    for step in (policy, verify):
        assert step["if"] == "${{ !cancelled() && steps.pulumi.outcome == 'success' }}"
    assert workflow("drift")["concurrency"]["cancel-in-progress"] == "false"


def test_code_scanning_is_only_written_where_a_variable_says_so_by_a_job_without_a_role_or_code() -> None:
    """A private repository without GitHub Advanced Security (Code Security) refuses the upload."""
    asked = "${{ !cancelled() && vars.CODE_SCANNING == 'true' }}"
    document = workflow("drift")["jobs"]
    verify, upload = document["check"]["steps"][-2:]
    scanning = document["code-scanning"]
    assert (upload["if"], scanning["if"], scanning["needs"]) == (asked, asked, "check")
    assert verify["env"]["SARIF"] == upload["with"]["path"]
    assert "security-events" not in document["check"]["permissions"]
    assert "id-token" not in scanning["permissions"]
    assert not [step for step in scanning["steps"] if "run" in step or step["uses"].startswith("./")]
    assert scanning["steps"][-1]["if"] == "${{ hashFiles('sarif/*.sarif') != '' }}"
    # A failed upload is no drift.
    assert document["report"]["needs"] == "check"


# Scripts, run with stubs of the programs that need GitHub or AWS

MAIN_HAS = "1" * 40


@pytest.mark.parametrize(("newest", "exit_code"), [(MAIN_HAS, 0), ("2" * 40, 1)])
def test_an_approval_that_comes_after_a_newer_commit_deploys_nothing(
    newest: str, exit_code: int, tmp_path: Path
) -> None:
    stand_in(tmp_path, "gh", f"echo {newest}")
    script = step_named("deploy-stack/up", "This is the newest commit of main")["run"]
    result = run_script(script, tmp_path, GITHUB_REPOSITORY="o/r", GITHUB_REF_NAME="main", GITHUB_SHA=MAIN_HAS)
    assert result.returncode == exit_code
    assert calls(tmp_path) == [["gh", "api", "repos/o/r/commits/main", "--jq", ".sha"]]


@pytest.mark.parametrize("missing", ["", "AWS_DEPLOY_ROLE_ARN", "AWS_REGION", "PULUMI_BACKEND_URL"])
def test_a_variable_that_is_not_set_is_named(missing: str, tmp_path: Path) -> None:
    values = {"AWS_DEPLOY_ROLE_ARN": "role", "AWS_REGION": "region", "PULUMI_BACKEND_URL": "s3://bucket"}
    values[missing] = ""
    result = run_script(
        step_named("pulumi", "The variables of docs/pull-requests.md are set")["run"],
        tmp_path,
        ROLE=values["AWS_DEPLOY_ROLE_ARN"],
        ROLE_VARIABLE="AWS_DEPLOY_ROLE_ARN",
        REGION=values["AWS_REGION"],
        PULUMI_BACKEND_URL=values["PULUMI_BACKEND_URL"],
    )
    assert result.returncode == (1 if missing else 0)
    assert result.stdout.startswith(f"::error::not set: {missing};" if missing else "")


def test_the_cli_is_of_the_version_that_uv_lock_names(tmp_path: Path) -> None:
    stand_in_for_uv(tmp_path)
    assert run_script(step_named("pulumi", "Read the version of Pulumi in uv.lock")["run"], tmp_path).returncode == 0
    lock = (ROOT / "uv.lock").read_text(encoding="utf-8")
    (locked,) = re.findall(r'^name = "pulumi"\nversion = "(.+)"$', lock, re.MULTILINE)
    assert output(tmp_path) == f"pulumi={locked}\n"


needs_jq = pytest.mark.skipif(not shutil.which("jq"), reason="jq is not installed; GitHub's runners have it")


@needs_jq
@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ([{"name": "prod"}, {"name": "dev-test"}], "true"),
        ([{"name": "organization/tak-base/prod"}], "true"),
        ([{"name": "prod-2"}], "false"),
        ([], "false"),
    ],
)
def test_a_stack_without_a_state_is_not_previewed(listed: list[dict[str, str]], found: str, tmp_path: Path) -> None:
    stand_in(tmp_path, "pulumi", f"echo '{json.dumps(listed)}'")
    script = step_named("preview/preview", "Look for the stack's state")["run"]
    assert run_script(script, tmp_path, STACK="prod").returncode == 0
    assert output(tmp_path) == f"found={found}\n"
    assert step_using("preview/preview", "preview")["if"] == "steps.state.outputs.found == 'true'"
    report = tmp_path / "preview-prod.md"
    if found == "true":
        assert not report.exists()
    else:
        assert report.read_text().startswith("### `prod`: no state yet\n")
        assert report.read_text() == (tmp_path / "summary").read_text()


@needs_jq
def test_a_backend_that_cannot_be_read_is_an_error_and_not_a_missing_stack(tmp_path: Path) -> None:
    stand_in(tmp_path, "pulumi", "echo 'error: AccessDenied' >&2; exit 1")
    script = step_named("preview/preview", "Look for the stack's state")["run"]
    assert run_script(script, tmp_path, STACK="prod").returncode == 1
    assert output(tmp_path) == ""


def test_the_report_has_the_stacks_of_both_branches(tmp_path: Path) -> None:
    stand_in_for_uv(tmp_path)
    plan = {
        "environment": "prod",
        "region": "ap-southeast-2",
        "vpc": "10.1.16.0/20",
        "resources": [],
        "counts": {},
        "addresses": [],
        "protected": [],
        "cost": {"lines": [], "monthly": 1.0},
        "critical_path": [],
    }
    for branch, names in {"before": ("kept", "gone"), "after": ("kept", "new")}.items():
        (tmp_path / branch).mkdir()
        for name in names:
            (tmp_path / branch / f"{name}.json").write_text(json.dumps({"stack": name, **plan}))
    result = run_script(
        step_named("preview/plan", "Write the difference")["run"],
        tmp_path,
        BEFORE=str(tmp_path / "before"),
        AFTER=str(tmp_path / "after"),
    )
    assert result.returncode == 0, result.stderr
    report = (tmp_path / "summary").read_text(encoding="utf-8")
    assert re.findall(r"^##.+", report, re.MULTILINE) == [
        "## Plan and cost against the base branch",
        "### `gone`: stack removed from the repository",
        "### `kept`: the same plan",
        "### `new`: new stack",
    ]
    assert (tmp_path / "plan.md").read_text(encoding="utf-8") == report


# A preview, with a stand-in for the CLI


def preview_with(folder: Path, stand_in_script: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs the step of the action `preview` for the stack `prod`."""
    stand_in_for_uv(folder)
    stand_in(folder, "pulumi", stand_in_script)
    script = step_named("preview", "Preview")["run"]
    return run_script(script, folder, STACK="prod", **{"ALLOW_BREAKING": "false", **env})


def previewing(folder: Path, steps: list[dict[str, Any]], text: str = "the text") -> str:
    """A stand-in for `pulumi preview`, which prints a text, or a document with --json."""
    (folder / "digest.json").write_text(json.dumps({"steps": steps, "changeSummary": {"same": 3}}))
    (folder / "text").write_text(f"{text}\n")
    return "if [[ $* == *--json* ]]; then cat digest.json; else cat text; fi"


REPLACED_VPC = {
    "op": "replace",
    "urn": "urn:pulumi:prod::tak-base::tak-base:index:Network$aws:ec2/vpc:Vpc::tak-vpc",
    "replaceReasons": ["cidrBlock"],
}


def test_a_preview_is_in_the_summary_and_the_report_without_account_ids(tmp_path: Path) -> None:
    account = "1234" * 3
    result = preview_with(tmp_path, previewing(tmp_path, [], f"arn:aws:kms:ap-southeast-2:{account}:key/x"))
    assert result.returncode == 0, result.stderr
    summary = (tmp_path / "summary").read_text()
    assert summary.startswith("### `prod`: 3 unchanged\n")
    assert "arn:aws:kms:ap-southeast-2:ACCOUNT:key/x" in summary
    assert (tmp_path / "preview-prod.md").read_text() == summary
    assert re.fullmatch(r"fingerprint=[0-9a-f]{64}\n", output(tmp_path))
    # The log is masked by the runner: configure-aws-credentials tells it the account's ID.
    assert account in result.stdout


def test_a_breaking_change_fails_the_preview_unless_it_is_allowed(tmp_path: Path) -> None:
    stand_in_script = previewing(tmp_path, [REPLACED_VPC])
    refused = preview_with(tmp_path, stand_in_script)
    assert refused.returncode == 1
    assert "ec2 Vpc tak-vpc: replaced: change of `cidrBlock`" in refused.stderr
    assert "| ec2 Vpc `tak-vpc` | replaced | change of `cidrBlock` |" in (tmp_path / "preview-prod.md").read_text()
    assert output(tmp_path) == ""
    assert preview_with(tmp_path, stand_in_script, ALLOW_BREAKING="true").returncode == 0


@pytest.mark.parametrize("failing", ["--json", "--diff"])
def test_a_preview_that_fails_leaves_a_report_and_an_error(failing: str, tmp_path: Path) -> None:
    """A policy violation fails the run for people only; a CLI that finds no state prints no document at all."""
    stand_in_script = f"if [[ $* == *{failing}* ]]; then echo 'error: no such stack' >&2; exit 255; fi\n" + previewing(
        tmp_path, []
    )
    result = preview_with(tmp_path, stand_in_script, ALLOW_BREAKING="true")
    assert result.returncode == 1
    report = (tmp_path / "preview-prod.md").read_text()
    assert report.startswith("### `prod`: the preview failed\n")
    assert ("error: no such stack" in report) is (failing == "--diff")
    assert output(tmp_path) == ""


def test_the_label_that_allows_breaking_changes_is_the_one_that_the_report_names() -> None:
    expected = f"${{{{ contains(github.event.pull_request.labels.*.name, '{LABEL}') }}}}"
    assert step_using("preview/preview", "preview")["with"]["allow-breaking"] == expected
    assert {"labeled", "unlabeled", "synchronize"} <= set(workflow("preview")["on"]["pull_request"]["types"])


# What was approved


def test_an_approval_comes_after_the_preview_and_shows_it() -> None:
    jobs = workflow("deploy-stack")["jobs"]
    assert jobs["up"]["needs"] == "preview"
    assert "environment" not in jobs["preview"]
    assert "AWS_DEPLOY_ROLE_ARN" not in json.dumps(jobs["preview"])
    step = step_using("deploy-stack/preview", "preview")["id"]
    assert jobs["preview"]["outputs"]["fingerprint"] == f"${{{{ steps.{step}.outputs.fingerprint }}}}"


@pytest.mark.parametrize(
    ("since", "exit_code"),
    [
        ({}, 0),
        ({"oldState": {"inputs": {"cidrBlock": "10.2.0.0/20"}}}, 1),
        ({"op": "update"}, 1),
    ],
)
def test_an_update_that_differs_from_its_preview_is_stopped(
    since: dict[str, Any], exit_code: int, tmp_path: Path
) -> None:
    before = tmp_path / "before"
    before.mkdir()
    assert preview_with(before, previewing(before, [REPLACED_VPC]), ALLOW_BREAKING="true").returncode == 0
    stand_in_for_uv(tmp_path)
    stand_in(tmp_path, "pulumi", previewing(tmp_path, [REPLACED_VPC | since]))
    step = step_named("deploy-stack/up", "The update is the one that was previewed")
    assert step["env"]["PREVIEWED"] == "${{ needs.preview.outputs.fingerprint }}"
    previewed = output(before).removeprefix("fingerprint=").strip()
    result = run_script(step["run"], tmp_path, STACK="prod", PREVIEWED=previewed)
    assert result.returncode == exit_code, result.stderr
    assert result.stdout.startswith("::error::the state of prod," if exit_code else "")


@needs_jq
def test_a_preview_that_fails_before_an_update_says_why(tmp_path: Path) -> None:
    errors = {"diagnostics": [{"message": "warning: w", "severity": "warning"}, {"message": "e", "severity": "error"}]}
    (tmp_path / "errors.json").write_text(json.dumps(errors))
    stand_in(tmp_path, "pulumi", "cat errors.json; exit 1")
    script = step_named("deploy-stack/up", "The update is the one that was previewed")["run"]
    result = run_script(script, tmp_path, STACK="prod", PREVIEWED="x")
    assert (result.returncode, result.stdout) == (1, "e\n")


# The comment


@needs_jq
@pytest.mark.parametrize("comments", [[], [("User", "ours"), ("Bot", "other")]])
def test_the_first_report_is_a_new_comment(comments: list[tuple[str, str]], tmp_path: Path) -> None:
    assert commented(tmp_path, comments)[1:] == ["--method", "POST", "comments", "--field", "body=@body.md"]


@needs_jq
def test_a_later_report_replaces_the_first(tmp_path: Path) -> None:
    call = commented(tmp_path, [("User", "ours"), ("Bot", "other"), ("Bot", "ours"), ("Bot", "ours")])
    assert call[1:] == ["--method", "PATCH", "comment/2", "--field", "body=@body.md"]


@needs_jq
def test_the_comment_is_found_behind_many_others(tmp_path: Path) -> None:
    call = commented(tmp_path, [("Bot", "other")] * 150 + [("Bot", "ours")])
    assert call[1:4] == ["--method", "PATCH", "comment/150"]
    listing = calls(tmp_path)[0]
    assert listing[:4] == ["gh", "api", "--paginate", "comments?per_page=100"]


@needs_jq
def test_the_comment_has_the_plan_and_every_preview(tmp_path: Path) -> None:
    commented(tmp_path, [])
    body = (tmp_path / "body.md").read_text(encoding="utf-8")
    assert body.startswith("<!-- tak-base plan -->\nThe summaries of [this run](https://run)")
    assert "`$(id)` of\nthe stacks" in body
    assert re.findall(r"^(?:###.+|the plan's end)", body, re.MULTILINE) == [
        "### `dev-test`: 3 unchanged",
        "### `prod`: no preview",
        "the plan's end",
    ]


@needs_jq
def test_a_comment_that_is_too_long_is_cut_between_characters(tmp_path: Path) -> None:
    commented(tmp_path, [], plan="–" * 65_536)
    body = (tmp_path / "body.md").read_bytes()
    assert 60_000 < len(body.decode("utf-8")) <= 65_536
    assert "### `prod`: no preview" in body.decode("utf-8")


@needs_jq
def test_no_link_among_the_reports_is_followed(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "secret").write_text("token")
    (tmp_path / "reports/preview-prod.md").symlink_to(tmp_path / "secret")
    commented(tmp_path, [])
    assert "token" not in (tmp_path / "body.md").read_text(encoding="utf-8")


def commented(folder: Path, comments: list[tuple[str, str]], plan: str = "`$(id)` of\nthe stacks") -> list[str]:
    """Runs the script where `comments`, author's type and kind, are there; returns gh's last call without `gh api`."""
    bodies = {"ours": "<!-- tak-base plan -->\nan older report", "other": "#### preview"}
    answer(folder, [{"id": i, "user": {"type": by}, "body": bodies[kind]} for i, (by, kind) in enumerate(comments)])
    reports = folder / "reports"
    reports.mkdir(exist_ok=True)
    (reports / "plan.md").write_text(f"{plan}\nthe plan's end\n", encoding="utf-8")
    (reports / "preview-dev-test.md").write_text("### `dev-test`: 3 unchanged\n")
    step = step_named("preview/comment", "Write or replace the comment")
    result = run_script(
        step["run"],
        folder,
        COMMENTS="comments",
        COMMENT="comment",
        STACKS="dev-test prod",
        RUN_URL="https://run",
        LC_ALL=step["env"]["LC_ALL"],
    )
    assert result.returncode == 0, result.stderr
    call = calls(folder)[-1]
    assert call[:3] == ["gh", "api", "--silent"]
    return call[2:]


JOBS = {
    "jobs": [
        {"name": "stacks", "conclusion": "success", "html_url": "u0", "steps": []},
        {"name": "check dev-test", "conclusion": "success", "html_url": "u1", "steps": []},
        {
            "name": "check prod",
            "conclusion": "failure",
            "html_url": "u2",
            "steps": [
                {"name": "AWS has what main says", "conclusion": "failure"},
                {"name": "The deployed stack passes verify", "conclusion": "success"},
            ],
        },
        {"name": "check slow", "conclusion": "timed_out", "html_url": "u3", "steps": []},
        {"name": "report", "conclusion": None, "html_url": "u4", "steps": []},
    ]
}


def reported(folder: Path, result: str, issue: str, jobs: dict[str, Any]) -> list[list[str]]:
    """Runs the script after checks that ended with `result`; returns the calls of gh that change something."""
    answer(folder, jobs, issue)
    script = step_named("drift/report", "Open, update or close the issue")["run"]
    ended = run_script(script, folder, RESULT=result, JOBS="jobs", RUN_URL="https://run")
    assert ended.returncode == 0, ended.stderr
    return [call[1:] for call in calls(folder) if call[1:3] != ["issue", "list"] and call[1] != "api"]


@needs_jq
def test_drift_opens_one_issue_that_names_each_stack_and_what_failed(tmp_path: Path) -> None:
    label, create = reported(tmp_path, "failure", "", JOBS)
    assert label[:3] == ["label", "create", "drift"]
    assert create[:4] == ["issue", "create", "--label", "drift"]
    table = create[-1].split("\n\n")[1]
    assert table.splitlines()[2:] == [
        "| prod | AWS has what main says | [log](u2) |",
        "| slow | did not end | [log](u3) |",
    ]


@needs_jq
def test_drift_that_stays_updates_the_issue(tmp_path: Path) -> None:
    (edit,) = reported(tmp_path, "failure", "7", JOBS)
    assert edit[:3] == ["issue", "edit", "7"]
    assert "| prod |" in edit[-1]


@needs_jq
def test_checks_that_never_ran_are_reported_too(tmp_path: Path) -> None:
    _, create = reported(tmp_path, "skipped", "", {"jobs": JOBS["jobs"][:1]})
    assert "| all | the stacks could not be listed | [log](https://run) |" in create[-1]


@needs_jq
def test_the_issue_is_closed_when_drift_is_gone(tmp_path: Path) -> None:
    (close,) = reported(tmp_path, "success", "7", JOBS)
    assert close[:3] == ["issue", "close", "7"]


def test_no_drift_and_no_issue_changes_nothing(tmp_path: Path) -> None:
    assert reported(tmp_path, "success", "", JOBS) == []


def test_the_report_reads_the_names_that_the_checks_have() -> None:
    assert workflow("drift")["jobs"]["check"]["name"] == "check ${{ matrix.stack }}"
    assert 'startswith("check ")' in step_named("drift/report", "Open, update or close the issue")["run"]


# Around them


def test_dependabot_reads_every_folder_that_pins_something() -> None:
    updates = {update["package-ecosystem"]: update["directories"] for update in load("dependabot.yml")["updates"]}
    assert updates["github-actions"] == ["/", "/.github/actions/*"]
    locks = {
        f"/{path.parent.relative_to(ROOT)}".rstrip(".") for path in [*ROOT.glob("uv.lock"), *ROOT.glob("*/uv.lock")]
    }
    assert set(updates["uv"]) >= locks


def test_the_docs_list_every_variable_and_environment() -> None:
    used = set(re.findall(r"vars\.(\w+)", "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)))
    text = (ROOT / "docs/pull-requests.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^ *\| `([A-Z_]+)` \|", text, re.MULTILINE)) == used
    assert set(re.findall(r"^ *\| `([a-z-]+)` \|", text, re.MULTILINE)) == set(workflow("deploy")["jobs"])


# How scripts are run


def run_script(script: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs a step's script in `folder` the way a runner does with `shell: bash`; stand-ins come first on the PATH."""
    stand_ins = folder / "bin"
    path = f"{stand_ins}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(  # noqa: S603, the scripts are the repository's own
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],  # noqa: S607
        cwd=folder,
        env={
            "PATH": path,
            "PYTHONUTF8": "1",
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary"),
            "RUNNER_TEMP": str(folder),
            **env,
        },
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )


def output(folder: Path) -> str:
    """What a script wrote to GITHUB_OUTPUT."""
    path = folder / "output"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def stand_in(folder: Path, program: str, script: str) -> None:
    """Puts a program of that name on the PATH of `run_script`. It writes down its arguments and runs `script`."""
    path = folder / "bin" / program
    path.parent.mkdir(exist_ok=True)
    record = "import json, sys; print(json.dumps(sys.argv[1:]), file=open('calls', 'a'))"
    path.write_text(f'#!/usr/bin/env bash\n"{sys.executable}" -c "{record}" {program} "$@"\n{script}\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def stand_in_for_uv(folder: Path) -> None:
    """`uv run --no-sync python ...` is the Python of the tests."""
    stand_in(folder, "uv", f'shift 3; exec "{sys.executable}" "$@"')


def answer(folder: Path, api: object, issue: str = "") -> None:
    """`gh` answers `gh api` with a document, through its --jq, and `gh issue list` with a number."""
    (folder / "api.json").write_text(json.dumps(api))
    stand_in(
        folder,
        "gh",
        f'if [[ $1 == issue && $2 == list ]]; then echo "{issue}"; fi\n'
        'if [[ $1 == api && ${@: -2:1} == --jq ]]; then jq --raw-output "${@: -1}" api.json; fi',
    )


def calls(folder: Path) -> list[list[str]]:
    """Every call of a stand-in: the program and its arguments."""
    path = folder / "calls"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
