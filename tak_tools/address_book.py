"""`tak-base addresses`: the network of every stack file, and which stack files have the same network."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tak_base.addressing import MAJOR_IDS, MINOR_IDS, AddressPlan, plan_addresses
from tak_tools.console import print_errors, print_json
from tak_tools.errors import InputError
from tak_tools.stack_file import load_project, load_stack_alone, shared_network, stack_names


@dataclass(frozen=True)
class Entry:
    """A stack file and its network."""

    file: str
    stack: str
    major_id: int
    minor_id: int
    addresses: AddressPlan


@dataclass(frozen=True)
class AddressBook:
    """The networks of all stack files, by address; those that share a network; the next free IDs."""

    entries: tuple[Entry, ...]
    collisions: tuple[str, ...]
    """One line for each network that several files claim, naming the files."""
    next_free: tuple[int, int] | None
    """majorId and minorId; None where all 4,096 networks are taken."""

    def as_document(self) -> dict[str, Any]:
        """The address book as plain values, for JSON."""
        return {
            "stacks": [
                {
                    "file": entry.file,
                    "stack": entry.stack,
                    "majorId": entry.major_id,
                    "minorId": entry.minor_id,
                    "vpc": str(entry.addresses.vpc),
                    "subnets": {subnet.role: str(subnet.ipv4) for subnet in entry.addresses.subnets},
                }
                for entry in self.entries
            ],
            "collisions": list(self.collisions),
            "nextFree": dict(zip(("majorId", "minorId"), self.next_free, strict=True)) if self.next_free else None,
        }


def read_address_book(folder: Path) -> AddressBook:
    """The address book of a folder. Raises InputError with the mistakes of all its stack files together."""
    entries = _entries(folder)
    if not entries:
        raise InputError([f"--folder: found no stack file in {folder.resolve()}, expected files Pulumi.NAME.yaml"])
    return AddressBook(tuple(entries), tuple(_collisions(entries)), _next_free(entries))


def next_free_ids(folder: Path) -> tuple[int, int] | None:
    """majorId and minorId for one more stack file in a folder; None where all 4,096 networks are taken."""
    return _next_free(_entries(folder))


def _entries(folder: Path) -> list[Entry]:
    project = load_project(folder)
    entries, problems = [], []
    for stack in stack_names(folder):
        try:
            stack_file = load_stack_alone(project, stack)
        except InputError as error:
            problems += error.problems
            continue
        settings = stack_file.settings
        entries.append(
            Entry(
                stack_file.path.name,
                stack,
                settings.network.major_id,
                settings.network.minor_id,
                settings.network.addresses,
            )
        )
    if problems:
        raise InputError(problems)
    return sorted(entries, key=lambda entry: (entry.major_id, entry.minor_id, entry.stack))


def _collisions(entries: list[Entry]) -> list[str]:
    # All networks have one size and are aligned, so two of them are either equal or do not overlap.
    files = defaultdict(list)
    for entry in entries:
        files[(entry.major_id, entry.minor_id)].append(entry.file)
    return [
        shared_network(names, major_id, minor_id) for (major_id, minor_id), names in files.items() if len(names) > 1
    ]


def _next_free(entries: list[Entry]) -> tuple[int, int] | None:
    """The first free minorId, of a majorId that is in use if there is one."""
    taken = {(entry.major_id, entry.minor_id) for entry in entries}
    in_use = sorted({entry.major_id for entry in entries})
    for major in [*in_use, *(major for major in MAJOR_IDS if major not in in_use)]:
        for minor in MINOR_IDS:
            if (major, minor) not in taken:
                return major, minor
    return None


def run(folder: Path, *, as_json: bool) -> int:
    """Prints the address book; returns 1 where two stack files claim one network, otherwise 0."""
    book = read_address_book(folder)
    if as_json:
        print_json(book.as_document())
    else:
        print(_table(book))
        print(_advice(book))
    print_errors(book.collisions)
    return 1 if book.collisions else 0


def _table(book: AddressBook) -> str:
    # Without rich, which takes two seconds for 4,096 rows.
    rows = [["stack", "majorId", "minorId", "VPC", *(subnet.role for subnet in book.entries[0].addresses.subnets)]]
    for entry in book.entries:
        ranges = [str(entry.addresses.vpc), *(str(subnet.ipv4) for subnet in entry.addresses.subnets)]
        rows.append([entry.stack, str(entry.major_id), str(entry.minor_id), *ranges])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _advice(book: AddressBook) -> str:
    if book.next_free is None:
        return "\nAll 4,096 networks are taken."
    major, minor = book.next_free
    return f"\nNext free: majorId {major}, minorId {minor} ({plan_addresses(major, minor).vpc})"
