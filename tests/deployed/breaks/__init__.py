"""Every way in which the tests damage a deployed layer: the breaks of tak_tools/verify/NAME.py are in NAME.py here."""

import pkgutil
from importlib import import_module

from tests.deployed.breaks.harness import BREAKS, Break

# The breaks register themselves when their module is imported: that is all of them, without a list to keep.
for _module in pkgutil.iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["BREAKS", "Break"]
