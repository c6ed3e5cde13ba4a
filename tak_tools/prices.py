"""`tak-base prices`: the list prices that plans use, their age, and a refresh from AWS's public price list.

The price list needs no credentials. An index names the offers, an offer's region index names its file for each region:
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-the-aws-price-list-bulk-api-fetching-price-list-files-manually.html
The files are read as CSV, a row at a time: that of AmazonEC2, which has the NAT gateways, is hundreds of megabytes.
"""

import csv
import http.client
import json
import os
import re
import ssl
import tempfile
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from importlib.resources import files
from pathlib import Path
from typing import IO, Any
from urllib.parse import urljoin

from rich.table import Table

from tak_tools.console import print_json, progress_console, result_console
from tak_tools.errors import InputError

PRICE_LIST = "https://pricing.us-east-1.amazonaws.com"
_INDEX = "/offers/v1.0/aws/index.json"
_TIMEOUT = 60
_OLD = timedelta(days=365)

Prices = Mapping[str, Any]
"""A region's prices by their keys, in USD, and their date as `as_of`."""

_HEADER = """\
# Public on-demand list prices in USD, first tier, before tax and free tiers. A month is 730 hours.
# A price that no public source gave is left out, and the plan says so.
#
# `tak-base prices --refresh` reads AWS's price list and rewrites this file; `make docs` then brings the pages up to
# date. A new price needs a row in prices.py, and a line in the row of the resource type that costs it
# (resource_types.py). A new region needs its heading and an `as_of`; the refresh fills it.
"""


@dataclass(frozen=True)
class _Offer:
    """Where AWS's price list has a price: the offer, and what marks the product in it."""

    code: str
    usage_type: str
    """Without the region that most begin with, such as `EUW2-`."""
    only: tuple[str, str] = ("", "")
    """A column, and what it has to hold, where the usage type has more than one product."""
    units: int = 1
    """How many of the offer's units ours is."""


OFFERS: Mapping[str, _Offer] = {
    "nat_gateway_hour": _Offer("AmazonEC2", "NatGateway-Hours"),
    "nat_gateway_gb": _Offer("AmazonEC2", "NatGateway-Bytes"),
    "interface_endpoint_hour": _Offer("AmazonVPC", "VpcEndpoint-Hours"),
    "interface_endpoint_gb": _Offer("AmazonVPC", "VpcEndpoint-Bytes"),
    "public_ipv4_hour": _Offer("AmazonVPC", "PublicIPv4:InUseAddress"),
    "kms_key_month": _Offer("awskms", "KMS-Keys"),
    "kms_requests_10k": _Offer("awskms", "KMS-Requests", units=10_000),
    "data_transfer_out_gb": _Offer("AWSDataTransfer", "DataTransfer-Out-Bytes", ("To Location", "External")),
    "s3_storage_gb_month": _Offer("AmazonS3", "TimedStorage-ByteHrs", ("Volume Type", "Standard")),
    "ecr_storage_gb_month": _Offer("AmazonECR", "TimedStorage-ByteHrs"),
    "cloudwatch_logs_ingest_gb": _Offer("AmazonCloudWatch", "DataProcessing-Bytes"),
    "cloudwatch_logs_storage_gb_month": _Offer("AmazonCloudWatch", "TimedStorage-ByteHrs"),
    "fargate_vcpu_hour": _Offer("AmazonECS", "Fargate-vCPU-Hours:perCPU"),
    "fargate_gb_hour": _Offer("AmazonECS", "Fargate-GB-Hours"),
    "alb_hour": _Offer("AWSELB", "LoadBalancerUsage", ("operation", "LoadBalancing:Application")),
    "alb_lcu_hour": _Offer("AWSELB", "LCUUsage", ("operation", "LoadBalancing:Application")),
    "secret_month": _Offer("AWSSecretsManager", "AWSSecretsManager-Secrets"),
}
"""The prices of the data file by their keys, in the order in which it has them."""

_COLUMNS = ("TermType", "StartingRange", "PricePerUnit", "Currency", "usageType")


def load_prices() -> tuple[str, Mapping[str, Prices]]:
    """The source of the prices, and the prices of each region."""
    document = tomllib.loads(_data_file().read_text(encoding="utf-8"))
    return document["source"], document["regions"]


def are_old(as_of: date) -> bool:
    """Whether prices of that date are older than a year."""
    return _today() - as_of > _OLD


def run(*, refresh: bool, output: Path | None, price_list: str, as_json: bool) -> int:
    """Prints the prices, after a refresh if it is asked for; returns 1 where they are older than a year, else 0."""
    source, regions = load_prices()
    if refresh:
        target = output or _data_file()
        _check_writable(target)
        source, regions = _fetch(price_list, regions)
        _write(target, render(source, regions))
    elif output:
        raise InputError(["--output: found it without --refresh, expected both: it names the file that is written"])
    old = [region for region, prices in regions.items() if are_old(prices["as_of"])]
    if as_json:
        print_json(_as_document(source, regions, old))
    else:
        _print(source, regions, old)
    return 1 if old else 0


def render(source: str, regions: Mapping[str, Prices]) -> str:
    """The text of the data file."""
    parts = [_HEADER, f"source = {json.dumps(source, ensure_ascii=False)}\n"]
    for region, prices in regions.items():
        lines = [f"[regions.{region}]", f"as_of = {prices['as_of'].isoformat()}"]
        lines += [f"{key} = {_number(prices[key])}" for key in OFFERS if key in prices]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _number(value: float | Decimal) -> str:
    """Without an exponent, and with two decimals at least."""
    whole, _, decimals = f"{Decimal(str(value)):f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def _data_file() -> Path:
    return Path(str(files("tak_tools").joinpath("prices.toml")))


def _today() -> date:
    return datetime.now(UTC).date()


# The refresh


def _fetch(price_list: str, known: Mapping[str, Prices]) -> tuple[str, Mapping[str, Prices]]:
    """The source and the prices of all `known` regions, as AWS's price list has them now."""
    console = progress_console()
    index = _json(price_list, _INDEX)
    codes = dict.fromkeys(offer.code for offer in OFFERS.values())
    offers = {code: _json(price_list, _text(index, "offers", code, "currentRegionIndexUrl")) for code in codes}
    published = [f"{code} {_text(offer, 'publicationDate')[:10]}" for code, offer in offers.items()]
    regions: dict[str, Prices] = {}
    for number, (region, before) in enumerate(known.items(), 1):
        prices: dict[str, Any] = {"as_of": _today()}
        for code, offer in offers.items():
            console.print(f"{region} ({number} of {len(known)}): {code}")
            # A region may be without the service.
            if region in offer.get("regions", {}):
                path = _text(offer, "regions", region, "currentVersionUrl")
                prices |= _prices_of(price_list, path.removesuffix(".json") + ".csv", code, region)
        # A known price does not disappear: AWS describes its product in another way.
        if lost := [key for key in before if key not in prices]:
            raise InputError(
                [
                    f"{price_list}: found no price for {', '.join(lost)} in {region}, expected one: AWS describes it in"
                    " another way than OFFERS in tak_tools/prices.py, or no longer offers it; nothing was changed"
                ]
            )
        regions[region] = prices
    return f"AWS price list: {', '.join(published)}", regions


def _prices_of(price_list: str, path: str, code: str, region: str) -> dict[str, Decimal]:
    """The prices that a file of the price list has."""
    wanted = {key: offer for key, offer in OFFERS.items() if offer.code == code}
    # Such as EUW2-, EU- or eu-west-2-; in us-east-1 often nothing.
    usage_types = {
        key: re.compile(rf"((EU|[A-Z]{{2,4}}\d|{region})-)?{re.escape(offer.usage_type)}")
        for key, offer in wanted.items()
    }
    found: dict[str, dict[Decimal, set[Decimal]]] = {key: {} for key in wanted}
    for row in _rows(price_list, path, {offer.only[0] for offer in wanted.values()} - {""}):
        if row["TermType"] != "OnDemand" or row["Currency"] != "USD":
            continue
        # Local Zones and Outposts have other prices.
        if row.get("Location Type", "AWS Region") not in ("AWS Region", ""):
            continue
        for key, offer in wanted.items():
            column, value = offer.only
            if usage_types[key].fullmatch(row["usageType"]) and (not column or row[column] == value):
                price = _decimal(row["PricePerUnit"], price_list + path)
                # The first tier that is not free.
                if price:
                    start = _decimal(row["StartingRange"] or "0", price_list + path)
                    found[key].setdefault(start, set()).add(price * offer.units)
    prices: dict[str, Decimal] = {}
    for key, tiers in found.items():
        if tiers:
            first = tiers[min(tiers)]
            if len(first) > 1:
                amounts = " and ".join(_number(price) for price in sorted(first))
                raise _changed(price_list + path, f"prices of {amounts} for {wanted[key].usage_type}", "one price")
            prices[key] = first.pop()
    return prices


def _rows(price_list: str, path: str, columns: Iterable[str]) -> Iterator[Mapping[str, str]]:
    """The rows of a price list file, which begins with lines of metadata."""
    url = urljoin(price_list, path)
    with _open(url) as answer:
        lines = csv.reader(_lines(answer, url))
        header = next((line for line in lines if "SKU" in line), [])
        if missing := [column for column in (*_COLUMNS, *columns) if column not in header]:
            raise _changed(url, f"no column {', '.join(missing)}", "those of a price list file in CSV")
        for line in lines:
            yield dict(zip(header, line, strict=False))


def _lines(answer: IO[bytes], url: str) -> Iterator[str]:
    try:
        for line in answer:
            yield line.decode("utf-8")
    except (OSError, http.client.HTTPException, UnicodeDecodeError) as error:
        raise _unreadable(url, error) from None


def _json(price_list: str, path: str) -> Mapping[str, Any]:
    url = urljoin(price_list, path)
    with _open(url) as answer:
        try:
            document = json.load(answer)
        except (OSError, http.client.HTTPException) as error:
            raise _unreadable(url, error) from None
        except ValueError:
            document = None
    if not isinstance(document, dict):
        raise _changed(url, "no JSON object", "the format that AWS documents")
    return {**document, "url": url}


def _text(document: Mapping[str, Any], *names: str) -> str:
    """A nested string of a document."""
    value: Any = document
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, str):
        raise _changed(document["url"], f"no {'.'.join(names)}", "the format that AWS documents")
    return value


def _decimal(text: str, url: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise _changed(url, f"a price of {text!r}", "a number") from None


def _open(url: str) -> IO[bytes]:
    if not url.startswith(("https://", "http://127.0.0.1:")):
        raise InputError([f"price list: found {url}, expected a URL of https"])
    try:
        return urllib.request.urlopen(url, timeout=_TIMEOUT)  # noqa: S310
    except urllib.error.HTTPError as error:
        raise InputError([f"{url}: found HTTP status {error.code}, expected 200; nothing was changed"]) from None
    except (OSError, http.client.HTTPException) as error:
        raise _unreadable(url, error) from None


def _unreadable(url: str, error: Exception) -> InputError:
    reason = getattr(error, "reason", error)
    what = "the certificate is not trusted" if isinstance(reason, ssl.SSLCertVerificationError) else str(reason)
    return InputError([f"{url}: cannot be read: {what or type(error).__name__}; nothing was changed"])


def _changed(url: str, found: str, expected: str) -> InputError:
    return InputError([f"{url}: found {found}, expected {expected}: the format has changed; nothing was changed here"])


# The data file


def _check_writable(path: Path) -> None:
    """Checked before minutes of reading. The file is replaced, so the folder has to be writable."""
    if not os.access(path.parent, os.W_OK) or path.is_dir():
        raise InputError([f"{path}: cannot be written; name another file with --output FILE"])


def _write(path: Path, text: str) -> None:
    """Replaces the file as a whole: a reader sees the old prices or the new ones."""
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as new:
            new.write(text)
        Path(new.name).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(new.name).replace(path)
    except OSError as error:
        problem = f"{path}: cannot be written: {error.strerror}; name another file with --output FILE"
        raise InputError([problem]) from None


# What is printed


def _as_document(source: str, regions: Mapping[str, Prices], old: list[str]) -> dict[str, Any]:
    return {
        "source": source,
        "regions": {
            region: {
                "as_of": prices["as_of"].isoformat(),
                "older_than_a_year": region in old,
                "prices": {key: float(prices[key]) if key in prices else None for key in OFFERS},
            }
            for region, prices in regions.items()
        },
    }


def _print(source: str, regions: Mapping[str, Prices], old: list[str]) -> None:
    console = result_console()
    console.print(f"List prices in USD. Source: {source}\n")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("")
    for region in regions:
        table.add_column(region, justify="right", overflow="fold")
    for key in OFFERS:
        cells = [_number(prices[key]) if key in prices else "no price" for prices in regions.values()]
        table.add_row(key, *cells)
    table.add_row("days old", *[f"{(_today() - prices['as_of']).days}" for prices in regions.values()])
    console.print(table)
    if old:
        console.print(f"\nOlder than a year: {', '.join(old)}. Refresh them with `tak-base prices --refresh`.")
