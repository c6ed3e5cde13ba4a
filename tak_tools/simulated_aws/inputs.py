"""The inputs of a resource, which remember what was read."""

from typing import Any


class Inputs:
    """The inputs of a resource, or a block within them. Whatever no handler has read is in `unread`."""

    def __init__(self, values: dict[str, Any], path: str = "") -> None:
        self._values = values
        self._path = path
        self._read: set[str] = set()
        self._blocks: list[Inputs] = []

    def take(self, key: str, default: Any = None) -> Any:
        """The value of `key`, a plain one or a list of plain ones."""
        self._read.add(key)
        return self._values.get(key, default)

    def block(self, key: str) -> "Inputs":
        """The nested block `key`, empty where it is not there."""
        return self._block(self.take(key) or {}, f"{self._path}{key}.")

    def blocks(self, key: str) -> list["Inputs"]:
        """The nested blocks in the list `key`."""
        return [
            self._block(values, f"{self._path}{key}[{index}].") for index, values in enumerate(self.take(key) or [])
        ]

    def unread(self) -> list[str]:
        """The paths of every input that was not read, such as `rules[0].bucketKeyEnabled`."""
        own = [f"{self._path}{key}" for key in self._values if key not in self._read]
        return own + [path for block in self._blocks for path in block.unread()]

    def _block(self, values: dict[str, Any], path: str) -> "Inputs":
        block = Inputs(values, path)
        self._blocks.append(block)
        return block
