"""The start of the policy pack. The Pulumi CLI runs this folder with the Python of `policy/.venv`."""

import sys
from pathlib import Path

# The rules read a stack's config with tak_base.settings, as the program does.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pulumi_policy import PolicyPack

from policy.pack import NAME, listen_for_stack, policies

PolicyPack(NAME, policies(listen_for_stack()))
