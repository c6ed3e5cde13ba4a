"""Physical names, as the Pulumi engine makes them by the pattern of `pulumi:autonaming` (Pulumi.yaml)."""

import re
from collections.abc import Callable

# Pulumi's default where a project has no pattern.
DEFAULT_PATTERN = "${name}-${hex(7)}"

# The expressions of the engine that are known here (pkg/resource/autonaming in pulumi/pulumi has more).
KNOWN_PATTERN = re.compile(r"([a-z0-9-]|\$\{(project|stack|name|hex\(\d+\))\})+")
_HEX = re.compile(r"\$\{hex\((\d+)\)\}")


def physical_name(pattern: str, logical_name: str, hex_digits: Callable[[int], str]) -> str:
    """The name by a pattern whose project and stack are filled in; `hex_digits` chooses the random digits."""
    return _HEX.sub(lambda found: hex_digits(int(found[1])), pattern.replace("${name}", logical_name))
