"""What stops a command."""

from collections.abc import Collection


class InputError(Exception):
    """The user's input cannot be used: exit code 2. `problems` has one line for each mistake."""

    def __init__(self, problems: Collection[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class DeploymentError(Exception):
    """AWS refused a resource, or the program failed: exit code 1. One line."""
