"""What others install: the wheel, with and without the extra `tools`."""

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import util
from pathlib import Path

import pytest

from tak_tools import __main__ as start

PROJECT_FOLDER = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    uv = shutil.which("uv") or str(PROJECT_FOLDER / ".tools/bin/uv")
    folder = tmp_path_factory.mktemp("wheel")
    command = [uv, "build", "--quiet", "--wheel", "--out-dir", str(folder), str(PROJECT_FOLDER)]
    subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
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
