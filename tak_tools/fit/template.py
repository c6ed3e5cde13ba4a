"""Reads CloudFormation templates, and resolves their properties as far as that is possible before a deployment.

A value that only a deployment can know becomes a mark with the name of its source: `Ref: LoadBalancer`
is `\ue000LoadBalancer\ue001`. So a string without a mark is known, and a mark says what a string refers to.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tak_tools.errors import InputError

_OPEN, _CLOSE = "\ue000", "\ue001"
_MARK = re.compile(f"{_OPEN}([^{_CLOSE}]*){_CLOSE}")
_UNKNOWN = f"{_OPEN}{_CLOSE}"
_NO_VALUE: Any = object()

_PSEUDO_PARAMETERS = {"AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}


def is_known(text: Any) -> bool:
    """Whether no part of a string comes from a resource, or from an import that is not among the templates."""
    return isinstance(text, str) and _OPEN not in text


def marks(value: Any) -> set[str]:
    """What a value refers to, such as `LoadBalancer.DNSName`; of a nested stack `Nested/LoadBalancer`."""
    if isinstance(value, str):
        return set(_MARK.findall(value)) - {""}
    if isinstance(value, Mapping):
        return set().union(*map(marks, value.values()))
    return set().union(*map(marks, value)) if isinstance(value, list) else set()


def _imported(name: str) -> str:
    return f"{_OPEN}import {readable(name)}{_CLOSE}"


def without_names(text: str) -> str:
    """A string with empty marks: names have colons and hyphens too."""
    return _MARK.sub(_UNKNOWN, text)


def readable(text: str) -> str:
    """A string for a message, with what is not known in braces."""
    return _MARK.sub(lambda found: f"{{{found[1] or '?'}}}", text)


@dataclass(frozen=True)
class Import:
    """An `Fn::ImportValue`."""

    name: str
    resource: str
    """The logical resource, or `Outputs`."""
    property: str


@dataclass(frozen=True)
class Resource:
    """A resource of a template. Its properties are plain values without functions."""

    layer: str
    name: str
    """Its logical ID; in a nested stack after that stack's ID, as in `Nested/Queue`."""
    type: str
    properties: Mapping[str, Any]

    def at(self, path: str) -> list[tuple[str, Any]]:
        """Every value at a path such as `Subnets[]` or `Rules[].Host`, each with its full path: `Subnets[0]`."""
        return list(_at(self.properties, path.split("."), ""))

    def one(self, path: str, default: Any = None) -> Any:
        """The value at a path without lists."""
        return next((value for _, value in self.at(path)), default)

    def texts(self) -> Iterator[tuple[str, str]]:
        """Every string in the properties, with its path."""
        return _texts(self.properties, "")


@dataclass
class Layer:
    """A template with its nested stacks, as they would be deployed."""

    path: str
    stack_name: str
    resources: list[Resource] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    exports: dict[str, str] = field(default_factory=dict)
    """Values by the exports' names."""
    unread: list[tuple[str, str]] = field(default_factory=list)
    """Nested stacks that could not be read: logical ID and reason."""
    failures: list[tuple[str, str, str]] = field(default_factory=list)
    """Functions that CloudFormation cannot resolve: resource, property and reason."""


def read_layers(paths: Sequence[Path], region: str, exports: dict[str, str]) -> list[Layer]:
    """The layers in template files, each with the values that it imports, from `exports` or from another layer.

    A file that is the nested stack of another one is not a layer. Raises InputError with a line for each file that is
    not a template.
    """
    bodies, problems = {}, []
    for path in paths:
        try:
            bodies[path.resolve()] = _read(path)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    nested = {file.resolve() for path, body in bodies.items() for file in _nested_files(path, body).values()}
    own = {path: body for path, body in bodies.items() if path not in nested}
    shown = {path.resolve(): str(path) for path in paths}
    known = dict(exports)
    layers: list[Layer] = []
    # A layer may import what another one exports, which may be an import itself.
    for _ in range(len(own) + 1):
        layers = [_layer(path, body, region, known, shown[path]) for path, body in own.items()]
        exported = {name: value for layer in layers for name, value in layer.exports.items()}
        # Marks are names in one layer, and mean nothing in another.
        found = {name: value if is_known(value) else _imported(name) for name, value in exported.items()}
        if known == found | exports:
            break
        known = found | exports
    return layers


def _layer(path: Path, body: Mapping[str, Any], region: str, exports: Mapping[str, str], shown: str) -> Layer:
    try:
        return _Evaluation(path, body, region, exports).layer(shown)
    except RecursionError:
        # An alias of YAML can contain itself.
        raise InputError([f"{shown}: a block that contains itself, expected a CloudFormation template"]) from None


# Files


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML with CloudFormation's short tags; `2012-10-17` stays text."""


def _short_form(loader: Any, tag: str, node: Any) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _short_form)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: loader.construct_scalar(node))


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        # A YAML reader also reads JSON, but takes twenty times as long.
        document = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, _Loader)  # noqa: S506
    except OSError as error:
        raise InputError([f"{path}: {error.strerror}, expected a CloudFormation template"]) from None
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InputError([f"{path}: neither JSON nor YAML: {reason}"]) from None
    resources = document.get("Resources") if isinstance(document, dict) else None
    if not isinstance(resources, dict) or not resources:
        raise InputError([f"{path}: found no Resources, expected a CloudFormation template"])
    for name, resource in resources.items():
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            raise InputError([f"{path}: resource {name}: found no Type, expected a CloudFormation template"])
        if not isinstance(resource.get("Properties", {}), dict):
            raise InputError([f"{path}: resource {name}: Properties: expected names with values"])
    for section in ("Outputs", "Parameters", "Conditions", "Mappings"):
        values = document.get(section) or {}
        if not isinstance(values, dict):
            raise InputError([f"{path}: {section}: expected names with values"])
        if section in ("Outputs", "Parameters") and not all(isinstance(value, dict) for value in values.values()):
            raise InputError([f"{path}: {section}: expected a block for each name"])
    return document


def _nested_files(path: Path, body: Mapping[str, Any]) -> dict[str, Path]:
    """The template files of nested stacks, by logical ID, which CDK's metadata names."""
    files = {}
    for name, resource in body["Resources"].items():
        if resource["Type"] == "AWS::CloudFormation::Stack":
            metadata = resource.get("Metadata")
            url = resource.get("Properties", {}).get("TemplateURL")
            file = metadata.get("aws:asset:path") if isinstance(metadata, dict) else url
            if isinstance(file, str) and "://" not in file:
                files[name] = path.parent / file
    return files


# Values


class _Evaluation:
    """One template with the values of its parameters."""

    def __init__(
        self,
        path: Path,
        body: Mapping[str, Any],
        region: str,
        exports: Mapping[str, str],
        *,
        stack_name: str = "",
        parents: tuple[Path, ...] = (),
        layer: str = "",
        prefix: str = "",
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self._path = path
        self._parents = (*parents, path.resolve())
        self._body = body
        self._exports = exports
        self._region = region
        self._prefix = prefix
        name = path.name
        for suffix in (".json", ".yaml", ".yml", ".template"):
            name = name.removesuffix(suffix)
        self._stack_name = stack_name or name
        self._layer = layer or self._stack_name
        self._known: dict[str, Any] = {
            **_PSEUDO_PARAMETERS,
            "AWS::Region": region,
            "AWS::StackName": self._stack_name,
            "AWS::NoValue": _NO_VALUE,
        }
        for name, parameter in (body.get("Parameters") or {}).items():
            # For a parameter of an SSM type, the default is the name of the SSM parameter.
            if "Default" in parameter and not str(parameter.get("Type")).startswith("AWS::SSM::Parameter::Value"):
                self._known[name] = _text(parameter["Default"])
        self._known |= arguments or {}
        self._nested: dict[str, dict[str, Any]] = {}
        self._imports: list[Import] = []
        self._unread: list[tuple[str, str]] = []
        self._failures: list[tuple[str, str, str]] = []
        self._where = ("", "")
        self._deciding: set[str] = set()

    def layer(self, path: str) -> Layer:
        resources = list(self._resources())
        outputs, exports = {}, {}
        for name, output in (self._body.get("Outputs") or {}).items():
            if not self._exists(output):
                continue
            self._where = ("Outputs", f"{name}.Value")
            outputs[name] = self._value(output.get("Value"))
            export = output.get("Export")
            if isinstance(export, dict):
                self._where = ("Outputs", f"{name}.Export.Name")
                exports[str(self._value(export.get("Name")))] = str(outputs[name])
        return Layer(path, self._stack_name, resources, self._imports, outputs, exports, self._unread, self._failures)

    def _resources(self) -> Iterator[Resource]:
        files = _nested_files(self._path, self._body)
        # A property may refer to an output of a nested stack.
        names = sorted(self._body["Resources"], key=lambda name: name not in files)
        for name in names:
            resource = self._body["Resources"][name]
            if not self._exists(resource):
                continue
            properties = self._properties(name, resource.get("Properties") or {})
            full_name = f"{self._prefix}{name}"
            yield Resource(self._layer, full_name, resource["Type"], properties)
            if resource["Type"] == "AWS::CloudFormation::Stack":
                yield from self._nested_stack(full_name, name, files.get(name), properties)

    def _nested_stack(
        self, full_name: str, name: str, file: Path | None, properties: Mapping[str, Any]
    ) -> Iterator[Resource]:
        if file is None or file.resolve() in self._parents:
            reason = "its template is not a file beside this one" if file is None else "its template contains itself"
            self._unread.append((full_name, reason))
            return
        try:
            body = _read(file)
        except InputError as error:
            self._unread.append((full_name, "; ".join(error.problems)))
            return
        parameters = properties.get("Parameters")
        nested = _Evaluation(
            file,
            body,
            self._region,
            self._exports,
            stack_name=f"{self._stack_name}-{name}-{_UNKNOWN}",
            parents=self._parents,
            layer=self._layer,
            prefix=f"{full_name}/",
            arguments=parameters if isinstance(parameters, dict) else {},
        )
        layer = nested.layer(str(file))
        self._nested[name] = layer.outputs
        self._imports += layer.imports
        self._unread += layer.unread
        self._failures += layer.failures
        yield from layer.resources

    def _properties(self, name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        self._where = (f"{self._prefix}{name}", "")
        return self._value(properties)

    def _exists(self, block: Mapping[str, Any]) -> bool:
        condition = block.get("Condition")
        return not isinstance(condition, str) or self._condition(condition) is not False

    # Conditions: True, False, or None where only a deployment knows

    def _condition(self, name: str) -> bool | None:
        conditions = self._body.get("Conditions") or {}
        if name not in conditions or name in self._deciding:
            return None
        self._deciding.add(name)
        try:
            return self._decide(conditions[name])
        finally:
            self._deciding.discard(name)

    def _decide(self, expression: Any) -> bool | None:
        match expression:
            case bool():
                return expression
            case {"Condition": str() as name}:
                return self._condition(name)
            case {"Fn::Equals": [left, right]}:
                left, right = self._value(left), self._value(right)
                if left == right and left != _UNKNOWN:
                    return True
                return None if marks(left) or marks(right) or _UNKNOWN in (left, right) else False
            case {"Fn::Not": [inner]}:
                decided = self._decide(inner)
                return None if decided is None else not decided
            case {"Fn::And": [*inner]}:
                decisions = [self._decide(item) for item in inner]
                return False if False in decisions else None if None in decisions else True
            case {"Fn::Or": [*inner]}:
                decisions = [self._decide(item) for item in inner]
                return True if True in decisions else None if None in decisions else False
        return None

    # Functions

    def _value(self, value: Any) -> Any:
        if isinstance(value, list):
            resource, path = self._where
            items = []
            for index, item in enumerate(value):
                self._where = (resource, f"{path}[{index}]")
                found = self._value(item)
                if found is not _NO_VALUE:
                    items.append(found)
            self._where = (resource, path)
            return items
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref" and isinstance(argument, str):
                return self._ref(argument)
            if isinstance(name, str) and name.startswith("Fn::"):
                return self._call(name.removeprefix("Fn::"), argument)
        resource, path = self._where
        found = {}
        for key, item in value.items():
            self._where = (resource, f"{path}.{key}".removeprefix("."))
            item = self._value(item)
            if item is not _NO_VALUE:
                found[str(key)] = item
        self._where = (resource, path)
        return found

    def _ref(self, name: str) -> Any:
        return self._known.get(name, f"{_OPEN}{self._prefix}{name}{_CLOSE}")

    def _call(self, name: str, argument: Any) -> Any:
        where = self._where
        function = _FUNCTIONS.get(name)
        if name == "If":
            found = self._if(argument)
        else:
            # What an argument contains is reported at the property of the function.
            argument = self._argument(argument)
            found = function(self, argument) if function else _UNKNOWN
        self._where = where
        return found

    def _argument(self, argument: Any) -> Any:
        where = self._where
        if isinstance(argument, list):
            items = []
            for item in argument:
                self._where = where
                items.append(self._argument(item))
            self._where = where
            return items
        found = self._value(argument)
        self._where = where
        return found

    def _if(self, argument: Any) -> Any:
        if not isinstance(argument, list) or len(argument) != 3 or not isinstance(argument[0], str):
            return _UNKNOWN
        decided = self._condition(argument[0])
        where = self._where
        branches = []
        for wanted, branch in ((True, argument[1]), (False, argument[2])):
            if decided in (None, wanted):
                self._where = where
                branches.append(self._value(branch))
        return branches[0] if all(branch == branches[0] for branch in branches) else _UNKNOWN

    def _import(self, name: Any) -> str:
        resource, path = self._where
        self._imports.append(Import(str(name), resource, path))
        return self._exports.get(str(name), _imported(str(name)))

    def _get_att(self, argument: Any) -> Any:
        parts = argument.split(".", 1) if isinstance(argument, str) else argument
        if not isinstance(parts, list) or len(parts) != 2 or not all(isinstance(part, str) for part in parts):
            return _UNKNOWN
        name, attribute = parts
        if name in self._nested and attribute.startswith("Outputs."):
            return self._nested[name].get(attribute.removeprefix("Outputs."), _UNKNOWN)
        return f"{_OPEN}{self._prefix}{name}.{attribute}{_CLOSE}"

    def _sub(self, argument: Any) -> str:
        text, values = argument if isinstance(argument, list) and len(argument) == 2 else (argument, {})
        if not isinstance(text, str) or not isinstance(values, dict):
            return _UNKNOWN

        def replace(found: re.Match[str]) -> str:
            name = found[1].strip()
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            value = values[name] if name in values else self._get_att(name) if "." in name else self._ref(name)
            return value if isinstance(value, str) else _UNKNOWN

        return re.sub(r"\$\{([^}]*)\}", replace, text)

    def _join(self, argument: Any) -> str:
        match argument:
            case [str() as separator, [*items]]:
                return separator.join(item if isinstance(item, str) else _text_or_unknown(item) for item in items)
            case [str(), str() as one]:
                # A parameter of the type List<...>.
                return one
        return _UNKNOWN

    def _split(self, argument: Any) -> Any:
        match argument:
            case [str() as separator, str() as text] if separator and is_known(text):
                return text.split(separator)
        return _UNKNOWN

    def _select(self, argument: Any) -> Any:
        match argument:
            case [int() | str() as index, [*items]] if str(index).isdigit():
                if int(index) < len(items):
                    return items[int(index)]
                reason = f"takes item {index} of a list that has {len(items)}, counted from 0 (Fn::Select)"
                self._failures.append((*self._where, reason))
        return _UNKNOWN

    def _find_in_map(self, argument: Any) -> Any:
        found: Any = self._body.get("Mappings") or {}
        for key in argument[:3] if isinstance(argument, list) else [argument]:
            found = found.get(key) if isinstance(found, dict) and isinstance(key, str) else None
        return _UNKNOWN if found is None else found


_FUNCTIONS: Mapping[str, Callable[[_Evaluation, Any], Any]] = {
    "ImportValue": _Evaluation._import,
    "GetAtt": _Evaluation._get_att,
    "Sub": _Evaluation._sub,
    "Join": _Evaluation._join,
    "Split": _Evaluation._split,
    "Select": _Evaluation._select,
    "FindInMap": _Evaluation._find_in_map,
}


def _text(value: Any) -> Any:
    """A parameter's default as a string."""
    return value if isinstance(value, str | list) else json.dumps(value)


def _text_or_unknown(value: Any) -> str:
    return json.dumps(value) if isinstance(value, int | float) else _UNKNOWN


def _at(value: Any, path: list[str], before: str) -> Iterator[tuple[str, Any]]:
    if not path:
        yield before, value
        return
    key, *rest = path
    is_list = key.endswith("[]")
    name = key.removesuffix("[]")
    if not isinstance(value, Mapping) or name not in value:
        return
    found, where = value[name], f"{before}.{name}".removeprefix(".")
    if not is_list:
        yield from _at(found, rest, where)
    # CloudFormation takes one value where a list is expected.
    for index, item in enumerate(found if isinstance(found, list) else [found] if is_list else []):
        if is_list:
            yield from _at(item, rest, f"{where}[{index}]")


def _texts(value: Any, before: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield before, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, f"{before}.{key}".removeprefix("."))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, f"{before}[{index}]")
