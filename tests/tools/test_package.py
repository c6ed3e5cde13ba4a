"""What others install: the wheel, with and without the extra `tools`."""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import util
from pathlib import Path

import pytest
import yaml

from tak_tools import __main__ as start

PROJECT_FOLDER = Path(__file__).parents[2]


EXAMPLE = PROJECT_FOLDER / "examples" / "fargate_service"
UV = shutil.which("uv") or str(PROJECT_FOLDER / ".tools/bin/uv")

# Runs the program of a layer above under Pulumi's mocks, and prints the types that it registers.
RUN_UNDER_MOCKS = """
import json, runpy, sys
import pulumi
from tak_base.outputs import STACK_OUTPUTS

class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args):
        sys.stdout.write(args.typ + "\\n")  # in one piece: resources are registered in threads
        values = {str: "arn:aws:service:region:account:name", bool: True, list: ["a", "b"], dict: {"name": "value"}}
        outputs = {name: values[output.type] for name, output in STACK_OUTPUTS.items()}
        return args.name, {**args.inputs, **({"outputs": outputs} if "StackReference" in args.typ else {})}

    def call(self, args):
        return {}

pulumi.runtime.set_mocks(Mocks(), project="fargate-service", stack="prod")
pulumi.runtime.set_all_config(json.loads(sys.argv[1]))
pulumi.runtime.test(lambda: runpy.run_path("__main__.py"))()
"""


def run(*command: str | Path, folder: Path) -> str:
    # Without what `uv run` and the virtual environment of these tests set.
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(  # noqa: S603
        [*map(str, command)], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(UV, "build", "--quiet", "--wheel", "--out-dir", folder, PROJECT_FOLDER, folder=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.slow
def test_the_wheel_has_the_two_packages_their_data_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"tak_base", "tak_tools"}
    assert {Path(name).suffix for name in names if ".dist-info/" not in name} <= {".py", ".typed", ".toml", ""}
    assert {"tak_base/py.typed", "tak_tools/prices.toml", "tak_tools/policy/rules.py"} <= set(names)
    assert not [name for name in names if name.endswith(("uv.lock", "pyproject.toml"))]


@pytest.mark.slow
def test_a_layer_above_imports_the_outputs_of_the_wheel_without_the_tools(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    # Pulumi itself needs PyYAML.
    tools = [*({*start._TOOLS} - {"yaml"}), "tak_tools"]
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); sys.modules.update(dict.fromkeys({tools!r}))\n"
        "import tak_base.outputs as outputs; print(outputs.__file__, outputs.BaseLayer.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.split() == [str(tmp_path / "tak_base/outputs.py"), "BaseLayer"]


@pytest.mark.slow
def test_a_copy_of_the_example_runs_on_the_installed_wheel(wheel: Path, tmp_path: Path) -> None:
    layer = shutil.copytree(EXAMPLE, tmp_path / "layer")
    pyproject = layer / "pyproject.toml"
    source = f'{{ path = "{wheel}" }}'
    pyproject.write_text(
        pyproject.read_text(encoding="utf-8").replace("{ workspace = true }", source), encoding="utf-8"
    )
    # The versions of this repository's lock file, which are in uv's cache.
    versions = run(UV, "export", "--quiet", "--locked", "--no-hashes", "--no-emit-workspace", folder=PROJECT_FOLDER)
    (layer / "versions.txt").write_text(versions, encoding="utf-8")
    run(UV, "venv", "--quiet", "--python", sys.executable, folder=layer)
    run(
        UV,
        "pip",
        "install",
        "--quiet",
        "--constraints",
        "versions.txt",
        "--requirements",
        "pyproject.toml",
        folder=layer,
    )

    python = layer / ".venv/bin/python"
    project, stack = (yaml.safe_load((layer / name).read_text("utf-8")) for name in ("Pulumi.yaml", "Pulumi.prod.yaml"))
    # The engine gives the program the defaults of Pulumi.yaml.
    defaults = {
        f"fargate-service:{key}": str(row["default"]) for key, row in project["config"].items() if "default" in row
    }
    config = defaults | stack["config"]
    types = run(python, "-c", RUN_UNDER_MOCKS, json.dumps(config), folder=layer).split()

    assert {"aws:ecs/service:Service", "aws:lb/loadBalancer:LoadBalancer"} <= set(types)
    installed = run(UV, "pip", "list", "--format", "json", "--python", python, folder=layer)
    assert {"boto3", "moto", "typer"}.isdisjoint(item["name"] for item in json.loads(installed))
    assert Path(run(python, "-c", "import tak_base; print(tak_base.__path__[0])", folder=layer)).is_relative_to(layer)


def test_without_the_tools_the_command_says_in_one_line_how_to_install_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(start, "find_spec", lambda name: None if name in ("moto", "typer") else util.find_spec(name))
    with pytest.raises(SystemExit) as stopped:
        start.main()
    assert stopped.value.code == 2
    assert capsys.readouterr().err == 'tak-base: found no moto, typer, expected: pip install "tak-base[tools]"\n'


def test_the_extra_has_every_tool_that_the_command_looks_for() -> None:
    project = tomllib.loads((PROJECT_FOLDER / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = {re.split("[>=]", line)[0].lower() for line in project["optional-dependencies"]["tools"]}
    distributions = importlib.metadata.packages_distributions()
    assert {name.lower() for module in start._TOOLS for name in distributions[module]} <= extra
