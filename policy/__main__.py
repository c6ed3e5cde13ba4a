"""Starts the policy pack: the Pulumi CLI runs this folder with the Python of `policy/.venv`."""

import sys
from pathlib import Path

# The Pulumi CLI puts this folder on the path, and not the repository, where tak_tools and tak_base are.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pulumi_policy import PolicyPack

from tak_tools.policy.pack import NAME, listen_for_stack, policies

PolicyPack(NAME, policies(listen_for_stack(Path(__file__).resolve().parent.parent)))
