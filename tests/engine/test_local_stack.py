"""`tak-base local-up` and `local-down` with the real engine."""

import shutil
import socket
from pathlib import Path

import pytest

from tak_tools.local_aws import command
from tests.engine.engine import PROJECT_FOLDER, project_copy

pytestmark = pytest.mark.engine


def test_the_local_stack_comes_up_without_a_finding_and_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project_copy(tmp_path)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "pulumi-home"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    stack_file = tmp_path / "Pulumi.local.yaml"
    shutil.copy(PROJECT_FOLDER / stack_file.name, stack_file)
    stack_file.write_text(stack_file.read_text().replace(":4577", f":{port}"))
    before = stack_file.read_bytes()
    try:
        assert command.run_up(tmp_path, "local") == 0
        assert stack_file.read_bytes() == before
    finally:
        command.run_down(tmp_path, "local")

    assert not (tmp_path / ".local").exists()
