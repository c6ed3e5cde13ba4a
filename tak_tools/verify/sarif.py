"""The results of `tak-base verify` as SARIF 2.1.0, for GitHub code scanning.

What GitHub supports: https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
The format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

import hashlib
import json
import os
from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tak_tools.controls import cited
from tak_tools.errors import InputError
from tak_tools.formatting import mask_account_ids
from tak_tools.verify.checks import Check, Finding, Result

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
# The only fingerprint by which GitHub recognizes an alert.
_FINGERPRINT = "primaryLocationLineHash"
_TIME = "%Y-%m-%dT%H:%M:%SZ"


def sarif(
    results: list[Result], stack: str, path: Path, *, started: datetime, ended: datetime | None = None
) -> dict[str, Any]:
    """A SARIF log with a rule for each check and a result for each finding, without account IDs.

    Code scanning shows an alert on a file: that is the stack file at `path`, relative to the current folder, which has
    to be the repository's.
    """
    rules = [_rule(result.check) for result in results]
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    findings = [finding for result in results for finding in result.findings]
    location = {"uri": quote(_relative(path)), "uriBaseId": "%SRCROOT%"}
    document = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {"name": "tak-base verify", "semanticVersion": version("tak-base"), "rules": rules},
                },
                # Each stack has its own alerts: an upload closes those of its category that it does not have.
                "automationDetails": {"id": f"tak-base-verify/{stack}/"},
                "invocations": [_invocation(results, started, ended or datetime.now(UTC))],
                "results": [_result(finding, index[finding.check], location) for finding in findings],
            }
        ],
    }
    masked = json.loads(mask_account_ids(json.dumps(document)))
    # After the mask, which would mistake twelve digits of a hash for an account ID.
    for result, fingerprint in zip(masked["runs"][0]["results"], _fingerprints(findings), strict=True):
        result["partialFingerprints"] = {_FINGERPRINT: fingerprint}
    return masked


def check_writable(path: Path) -> None:
    """Raises InputError where the file cannot be written. Before AWS is asked, which takes a minute."""
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InputError([_unwritable(path)])


def write(path: Path, document: dict[str, Any]) -> None:
    """Raises InputError where the file cannot be written."""
    try:
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError([_unwritable(path, f" ({error.strerror})")]) from None


def _unwritable(path: Path, why: str = "") -> str:
    return f"--sarif: found {path}, expected a file that can be written{why}"


def _rule(check: Check) -> dict[str, Any]:
    controls = cited(check.controls)
    standards = [f"{control.id} ({', '.join(control.standards) or 'other standards'})" for control in controls]
    asked = f" Controls: {', '.join(standards)}; docs/controls.md explains them." if standards else ""
    return {
        "id": check.name,
        "name": "".join(word.capitalize() for word in check.name.split("-")),
        "shortDescription": {"text": check.description},
        "fullDescription": {"text": check.description},
        "help": {"text": f"{check.description}{asked}"},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": [control.id for control in controls], "precision": "very-high"},
    }


def _result(finding: Finding, rule: int, location: dict[str, str]) -> dict[str, Any]:
    return {
        "ruleId": finding.check,
        "ruleIndex": rule,
        # A check that could not be made is no difference.
        "level": "warning" if finding.unchecked else "error",
        "message": {"text": str(finding).removeprefix(f"{finding.check}: ")},
        "locations": [
            {
                # An alert needs a line of a file; a finding has none.
                "physicalLocation": {"artifactLocation": location, "region": {"startLine": 1}},
                "logicalLocations": [{"fullyQualifiedName": finding.resource, "kind": "resource"}],
            }
        ],
    }


def _fingerprints(findings: list[Finding]) -> list[str]:
    """An identity for each finding: the check, the resource, and what is expected; what is found may change.

    Of masked text: a hash of an account ID can be reversed, as there are few of them.
    """
    seen: Counter[str] = Counter()
    fingerprints = []
    for finding in findings:
        parts = (finding.check, finding.resource, "unchecked" if finding.unchecked else finding.expected)
        text = mask_account_ids(json.dumps(parts))
        seen[text] += 1
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        fingerprints.append(f"{digest}:{seen[text]}")
    return fingerprints


def _invocation(results: list[Result], started: datetime, ended: datetime) -> dict[str, Any]:
    """The run, with the checks that say nothing: skipped, or not answered by AWS."""
    silent = [(result.check.name, "note", f"skipped: {result.skipped}") for result in results if result.skipped]
    silent += [
        (finding.check, "error", str(finding)) for result in results for finding in result.findings if finding.unchecked
    ]
    return {
        "executionSuccessful": True,
        "startTimeUtc": started.strftime(_TIME),
        "endTimeUtc": ended.strftime(_TIME),
        "exitCode": 1 if any(result.findings for result in results) else 0,
        "toolExecutionNotifications": [
            {"level": level, "message": {"text": text}, "associatedRule": {"id": check}}
            for check, level, text in silent
        ],
    }


def _relative(path: Path) -> str:
    try:
        return path.resolve().relative_to(Path.cwd().resolve()).as_posix()
    except ValueError:
        return path.name
