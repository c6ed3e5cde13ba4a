"""Dependencies point one way: __main__ -> components -> settings, addressing."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tak_base.config_values import rows_of
from tak_base.outputs import STACK_OUTPUTS, OutputName, OutputValues
from tak_base.settings import Settings

FOLDER = Path(__file__).parents[2]
MODULES = sorted(path.stem for path in (FOLDER / "tak_base").glob("*.py") if path.stem != "__init__")

COMPONENTS = {"network", "private_endpoints", "encrypted_storage", "compute", "public_dns", "tak_suite"}

# What each module of tak_base may import of tak_base. A component is nowhere on the right.
ALLOWED = {
    "addressing": set[str](),
    "deployment_target": set[str](),
    "endpoint_services": set[str](),
    "outputs": {"addressing", "config_values", "settings"},
    "config_values": set[str](),
    "settings": {"addressing", "config_values", "endpoint_services"},
    "network": {"addressing", "deployment_target", "policy_documents", "settings"},
    "endpoint_policies": {"deployment_target", "endpoint_services", "settings"},
    "private_endpoints": {"deployment_target", "endpoint_policies", "endpoint_services", "settings"},
    "policy_documents": {"deployment_target"},
    "hardened_bucket": set[str](),
    "encrypted_storage": {"deployment_target", "hardened_bucket", "policy_documents", "settings"},
    "compute": {"deployment_target", "policy_documents", "settings"},
    "public_dns": {"settings"},
    "live_stack": {"config_values", "deployment_target", "outputs", "settings"},
    "published_outputs": set[str](),
    "tak_suite": {"outputs"},
}


def source(path: str) -> ast.Module:
    return ast.parse((FOLDER / path).read_text(encoding="utf-8"))


def imports(tree: ast.AST) -> set[str]:
    """Every module that is imported anywhere in `tree`, and every name as `module.name`."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports would pass these rules by"
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def modules_of_tak_base(names: set[str]) -> set[str]:
    return {name.split(".")[1] for name in names if name.startswith("tak_base.")}


def test_every_module_of_tak_base_has_its_place() -> None:
    assert sorted(ALLOWED) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_lies_below_it(module: str) -> None:
    assert modules_of_tak_base(imports(source(f"tak_base/{module}.py"))) <= ALLOWED[module]


@pytest.mark.parametrize("module", MODULES)
def test_tak_base_never_imports_the_tools(module: str) -> None:
    assert not {name for name in imports(source(f"tak_base/{module}.py")) if name.split(".")[0] == "tak_tools"}


@pytest.mark.parametrize("module", sorted(COMPONENTS))
def test_a_component_never_reads_config(module: str) -> None:
    tree = source(f"tak_base/{module}.py")
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}

    assert not (names | attributes) & {"Config", "load_settings", "parse_settings", "environ", "getenv"}


@pytest.mark.parametrize(
    "module", ["addressing", "config_values", "settings", "endpoint_services", "endpoint_policies", "policy_documents"]
)
def test_settings_addresses_and_policies_are_computed_without_loading_pulumi(module: str) -> None:
    script = f"import sys, tak_base.{module}; sys.exit('pulumi' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], cwd=FOLDER, check=False).returncode == 0  # noqa: S603


def test_addressing_uses_nothing_but_the_standard_library() -> None:
    assert {name.split(".")[0] for name in imports(source("tak_base/addressing.py"))} <= sys.stdlib_module_names


def test_main_is_wiring_without_decisions() -> None:
    decisions = (
        *(ast.If, ast.IfExp, ast.Match, ast.BoolOp, ast.Compare, ast.For, ast.While, ast.Try, ast.comprehension),
        *(ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef),
    )

    assert not [ast.unparse(node) for node in ast.walk(source("__main__.py")) if isinstance(node, decisions)]


def test_main_makes_each_component_once() -> None:
    made = [
        node.func.id
        for node in ast.walk(source("__main__.py"))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]

    assert [made.count(name) for name in ("Network", "PrivateEndpoints", "EncryptedStorage", "Compute")] == [1] * 4


# The only files with the names of outputs: the contract and its sealed test. Else they are in __main__.py alone.
CONTRACT = {FOLDER / "tak_base" / "outputs.py", FOLDER / "tests" / "unit" / "test_program.py"}
MODULES_THAT_READ = sorted(
    {path for folder in ("tak_base", "tak_tools", "tests") for path in (FOLDER / folder).rglob("*.py")} - CONTRACT
)
# Names of outputs that are also those of config keys, or of inputs of resources.
ALSO_OTHER_NAMES = {*rows_of(Settings), "region", "vpcId", "certificateArn", "kmsKeyArn"}


def test_everything_but_the_contract_reads_outputs_by_what_they_are() -> None:
    """So that an output gets another name in the contract, its test and the program, and then everywhere."""
    texts = {path: path.read_text(encoding="utf-8") for path in MODULES_THAT_READ}
    for path in {*FOLDER.glob("*.md"), *(FOLDER / "docs").glob("*.md")} - {FOLDER / "CHANGELOG.md"}:
        by_hand = re.sub(r"<!-- (\w+)\b.*?<!-- /\1 -->", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        # test_docs.py checks these.
        texts[path] = re.sub(r"pulumi stack output -s prod \w+|found no output \w+", "", by_hand)
    del texts[FOLDER / "docs" / "outputs.md"]

    names = STACK_OUTPUTS.keys() - ALSO_OTHER_NAMES
    assert {path.name: found for path, text in texts.items() if (found := names & {*re.findall(r"\w+", text)})} == {}
    assert [f"{path.name}: {read}" for path in MODULES_THAT_READ for read in reads_of_outputs(path)] == []


def reads_of_outputs(path: Path) -> list[str]:
    """`outputs["vpcId"]`, `outputs.get("vpcId")` and `"vpcId" in outputs`, whatever has the outputs."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Subscript(value=value, slice=ast.Constant(value=str(name))):
                pass
            case ast.Call(func=ast.Attribute(value=value, attr="get"), args=[ast.Constant(value=str(name)), *_]):
                pass
            case ast.Compare(left=ast.Constant(value=str(name)), comparators=[value]):
                pass
            case _:
                continue
        read_from = ast.unparse(value)
        # A resource has outputs too.
        if name in STACK_OUTPUTS and read_from.endswith(("outputs", "live")) and ".named(" not in read_from:
            found.append(ast.unparse(node))
    return found


def test_the_names_of_values_are_those_of_the_contract() -> None:
    assert {item.name for item in vars(OutputValues).values() if isinstance(item, OutputName)} <= STACK_OUTPUTS.keys()
