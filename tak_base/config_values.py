"""How every program of this repository reads its stack config: a key is one field of a frozen dataclass.

The field carries its row: `nat_gateways: int = key(integer(1, 2), "What it decides.", prod=2, dev_test=1)` is the key
`natGateways`, with the values that it may have, its defaults and the sentence that the documentation shows.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from typing import Any, get_args

# In a list: the default list, which the other names extend.
PROFILE = "profile"


class ConfigError(ValueError):
    """A stack's config cannot be used. `problems` has one line for each mistake."""

    def __init__(self, problems: Collection[str]) -> None:
        # A key or a name in a stack file can hold a line break.
        self.problems = tuple(" ".join(problem.splitlines()) for problem in problems)
        super().__init__("\n".join(self.problems))


# Readers: what a value may be


@dataclass(frozen=True)
class Reader:
    """Turns the value of a stack file into the setting."""

    expected: str
    """What the value may be, in the words of error messages and of the documentation."""
    convert: Callable[[Any], Any]
    """Returns the setting. Raises ValueError for a bad value, with a message where it says more than `expected`."""
    is_text: bool = False
    """Whether the value is a string, even where it looks like a number or a list."""
    extends_default: bool = False
    """Whether PROFILE in the list stands for the default list."""
    values: tuple[Any, ...] = ()
    """Some of the values that it reads. The tests deploy one that is not the key's default."""

    def __call__(self, value: Any) -> Any:
        try:
            return self.convert(value)
        except ValueError as error:
            raise ValueError(str(error) or f"expected {self.expected}") from None


def integer(*allowed: int | range) -> Reader:
    """Reads one of the given integers, or an integer in the given range."""
    match allowed:
        case (range() as numbers,):
            expected = f"an integer {numbers.start}-{numbers.stop - 1}"
        case numbers:
            expected = _any_of(map(str, numbers))

    def convert(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value not in numbers:
            raise ValueError
        return value

    return Reader(expected, convert, values=(numbers[0], numbers[-1]))


def one_of(choices: Any) -> Reader:
    """Reads one of the texts of a Literal type."""

    def convert(value: Any) -> str:
        if value not in get_args(choices):
            raise ValueError
        return value

    return Reader(_any_of(get_args(choices)), convert, is_text=True, values=get_args(choices))


def _any_of(choices: Iterable[str]) -> str:
    *others, last = choices
    return f"{', '.join(others)} or {last}" if others else last


def text(pattern: str, expected: str, *, example: str, check: Callable[[str], None] | None = None) -> Reader:
    """Reads a text that matches the whole pattern; `check` raises ValueError for one that is still not good."""

    def convert(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
            raise ValueError
        if check:
            check(value)
        return value

    return Reader(f"{expected}, such as {example}", convert, is_text=True, values=(example,))


def names(
    expected: str,
    *,
    example: tuple[str, ...],
    check: Callable[[tuple[str, ...]], None] | None = None,
    extends_default: bool = False,
) -> Reader:
    """Reads a list of different texts; `check` raises ValueError for a list that is still not good."""

    def convert(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise ValueError
        repeated = sorted({item for item in value if value.count(item) > 1})
        if repeated:
            raise ValueError(f"expected every name once, {', '.join(repeated)} occurs more than once")
        if check:
            check(tuple(item for item in value if not (extends_default and item == PROFILE)))
        return tuple(value)

    expected = f"{expected}, such as [{', '.join(example)}]"
    return Reader(expected, convert, extends_default=extends_default, values=(example,))


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


flag = Reader("true or false", _flag, values=(False, True))


# Rows: a key of the stack file


@dataclass(frozen=True)
class Row:
    """The row of a key: how it is read, its documentation and its defaults."""

    reader: Reader
    doc: str
    """What the key decides, in whole sentences of markdown."""
    required: bool
    default: Any
    """The default of stacks for which `columns` has none."""
    columns: Mapping[str, Any]
    """Defaults for some stacks, such as `prod`."""

    def default_in(self, *columns: str) -> Any:
        """The default of a stack: that of the first of its columns that the row has."""
        return next((self.columns[name] for name in columns if name in self.columns), self.default)


def key(reader: Reader, doc: str, *, required: bool = False, default: Any = None, **columns: Any) -> Any:
    """A field of a settings class that is a key of the stack file: `nat_gateways` is `natGateways`."""
    return field(metadata={"row": Row(reader, doc, required, default, columns)})


def rows_of(settings_class: type) -> dict[str, Row]:
    """The rows of a settings class and of the classes of its groups, by the names of the keys, in order."""
    rows: dict[str, Row] = {}
    for item in fields(settings_class):
        if "row" in item.metadata:
            rows[camel_case(item.name)] = item.metadata["row"]
        elif isinstance(item.type, type) and is_dataclass(item.type):
            rows |= rows_of(item.type)
    return rows


def read_keys(rows: Mapping[str, Row], values: Mapping[str, Any], namespace: str) -> tuple[dict[str, Any], list[str]]:
    """The settings of the keys that have a good value, and a line for each mistake.

    A value may also be the text that the Pulumi engine makes of it.
    """
    problems = [f"{namespace}:{name}: unknown key{did_you_mean(name, rows)}" for name in values if name not in rows]
    read: dict[str, Any] = {}
    for name, row in rows.items():
        value = plain_value(row, values.get(name))
        if value is None and not row.required:
            continue
        try:
            read[name] = row.reader(value)
        except ValueError as error:
            problems.append(f"{namespace}:{name}: {'missing' if value is None else f'found {shown(value)}'}, {error}")
    return read, problems


def apply_defaults(rows: Mapping[str, Row], settings: dict[str, Any], *columns: str) -> None:
    """Adds the defaults of a stack to the settings, and to the lists that extend theirs."""
    for name, row in rows.items():
        if row.required:
            continue
        default = row.default_in(*columns)
        value = settings.setdefault(name, default)
        if row.reader.extends_default and PROFILE in value:
            settings[name] = tuple(dict.fromkeys((*default, *(item for item in value if item != PROFILE))))


def settings_from(settings_class: type, settings: Mapping[str, Any], **others: Any) -> Any:
    """A settings class with its groups, from the settings by the names of their keys; `others` are fields without."""
    arguments = dict(others)
    for item in fields(settings_class):
        if "row" in item.metadata:
            arguments[item.name] = settings[camel_case(item.name)]
        elif isinstance(item.type, type) and is_dataclass(item.type):
            arguments[item.name] = settings_from(item.type, settings)
    return settings_class(**arguments)


def by_key(settings: Any) -> dict[str, Any]:
    """The settings by the names of their keys, whichever group they are in."""
    found: dict[str, Any] = {}
    for item in fields(settings):
        value = getattr(settings, item.name)
        if "row" in item.metadata:
            found[camel_case(item.name)] = value
        elif is_dataclass(value):
            found |= by_key(value)
    return found


def shown(value: Any) -> str:
    """A value as error messages show it."""
    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        # YAML also has dates, keys that are not strings, and values that contain themselves.
        return str(value)


def did_you_mean(name: str, known: Collection[str]) -> str:
    """The end of an error message: the nearest of the known names, or nothing."""
    by_lower_case = {candidate.lower(): candidate for candidate in known}
    near = get_close_matches(name.lower(), by_lower_case, n=1)
    return f", did you mean {by_lower_case[near[0]]}?" if near else ""


def camel_case(field_name: str) -> str:
    """The name of a field in a stack file and among stack outputs: `major_id` is `majorId`."""
    first, *rest = field_name.split("_")
    return first + "".join(word.capitalize() for word in rest)


# The Pulumi engine


def plain_value(row: Row, value: Any) -> Any:
    """The value that a reader gets, from what a stack file has or from the text that the Pulumi engine makes of it.

    A string that is not an integer, a boolean or a list stays a string; the reader decides whether it is valid.
    """
    if row.reader.is_text:
        return json.dumps(value) if isinstance(value, int | float) else value
    if not isinstance(value, str):
        return value
    try:
        decoded = json.loads(value)
    except ValueError:
        return value
    return decoded if isinstance(decoded, int | list) else value


def engine_config() -> dict[str, Any]:
    """Every config value that the Pulumi engine passes to the program, by its full name. Most are strings."""
    from pulumi.runtime.config import CONFIG, get_config_env

    return get_config_env() | CONFIG.get()


def in_namespace(config: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """The values of one namespace, by their names without it."""
    prefix = f"{namespace}:"
    return {name.removeprefix(prefix): value for name, value in config.items() if name.startswith(prefix)}
