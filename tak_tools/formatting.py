"""How commands and pages write types, amounts and tables."""

import re
from collections.abc import Iterable, Sequence

# Twelve digits that are not the end of a UUID, such as a key's ID.
_ACCOUNT_ID = re.compile(r"(?<!\d)(?<![0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-)\d{12}(?!\d)")


def mask_account_ids(text: str) -> str:
    """`text` with ACCOUNT in place of every AWS account ID, for pull requests and summaries."""
    return _ACCOUNT_ID.sub("ACCOUNT", text)


def short_type(type_: str) -> str:
    """The service and the kind: `aws:ec2/vpc:Vpc` is `ec2 Vpc`, and `awsx:ecr:Repository` is `awsx ecr Repository`."""
    package, module, kind = type_.split(":")
    service = module.split("/")[0]
    return f"{service} {kind}" if package == "aws" else f"{package} {service} {kind}"


def usd(amount: float | None) -> str:
    """An amount as text; `no price` for None."""
    return "no price" if amount is None else f"{amount:,.2f}"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as Markdown, without an end of line after its last row."""
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, ["---"] * len(header), *rows])
