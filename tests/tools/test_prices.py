"""`tak-base prices`: the data file, and its refresh from a slice of AWS's price list on loopback."""

import json
import re
import threading
import tomllib
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tak_tools import prices
from tak_tools.cost import cost_of
from tak_tools.errors import InputError
from tak_tools.prices import OFFERS, load_prices, render
from tak_tools.program import Recording
from tak_tools.resource_types import ROWS

REGION = "eu-west-2"
HEADER = ["SKU", "TermType", "StartingRange", "PricePerUnit", "Currency", "Location Type", "usageType", "operation"]
HEADER += ["To Location", "Volume Type"]
NEIGHBOURS = [
    ("OnDemand", "0", "0.9", "USD", "AWS Region", "EUW2-RegionalNatGateway-Hours", "", "", ""),
    ("Reserved", "0", "0.9", "USD", "AWS Region", "EUW2-NatGateway-Hours", "", "", ""),
    ("OnDemand", "0", "0.9", "USD", "AWS Local Zone", "EUW2-NatGateway-Hours", "", "", ""),
    ("OnDemand", "10240", "0.9", "USD", "AWS Region", "EUW2-DataTransfer-Out-Bytes", "", "External", ""),
    ("OnDemand", "0", "0.9", "USD", "AWS Region", "EUW2-DataTransfer-Out-Bytes", "", "US East", ""),
    ("OnDemand", "0", "0.9", "USD", "AWS Region", "EUW2-LoadBalancerUsage", "LoadBalancing:Network", "", ""),
    ("OnDemand", "0", "0.9", "USD", "AWS Region", "EUW2-TS-LoadBalancerUsage", "LoadBalancing:Application", "", ""),
    ("OnDemand", "0", "0.0000000000", "USD", "AWS Region", "eu-west-2-KMS-Requests", "", "", ""),
]


class PriceList:
    """The files of AWS's price list by their paths, in the format that AWS documents, with a part of the rows."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.status = 200
        offers = {}
        for code in {offer.code for offer in OFFERS.values()}:
            base = f"/offers/v1.0/aws/{code}"
            offers[code] = {"offerCode": code, "currentRegionIndexUrl": f"{base}/current/region_index.json"}
            regions = {
                REGION: {"regionCode": REGION, "currentVersionUrl": f"{base}/20260904231117/{REGION}/index.json"}
            }
            index = {"formatVersion": "v1.0", "publicationDate": "2026-09-04T23:11:17Z", "regions": regions}
            self.put(f"{base}/current/region_index.json", index)
            self.rows(code)
        self.put("/offers/v1.0/aws/index.json", {"formatVersion": "v1.0", "offers": offers})

    def put(self, path: str, document: object) -> None:
        self.files[path] = json.dumps(document)

    def path(self, code: str) -> str:
        return f"/offers/v1.0/aws/{code}/20260904231117/{REGION}/index.csv"

    def rows(self, code: str) -> None:
        rows: list[tuple[str, ...]] = [*NEIGHBOURS]
        for number, offer in enumerate(OFFERS.values(), 1):
            if offer.code == code:
                column = dict([offer.only])
                prefix = f"{REGION}-" if code == "awskms" else "EUW2-"
                extra = [column.get(name, "") for name in ("operation", "To Location", "Volume Type")]
                usage = prefix + offer.usage_type
                rows.append(("OnDemand", "0", f"{number / 1000:.10f}", "USD", "AWS Region", usage, *extra))
        lines = [HEADER, *[("SKU1", *row) for row in rows]]
        about = [["FormatVersion", "v1.0"], ["Disclaimer", "informational, only"], ["OfferCode", code]]
        self.files[self.path(code)] = "\n".join(",".join(f'"{cell}"' for cell in line) for line in [*about, *lines])


@pytest.fixture
def price_list() -> PriceList:
    return PriceList()


@pytest.fixture
def url(price_list: PriceList) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = price_list.files.get(self.path, "").encode()
            self.send_response(price_list.status if self.path in price_list.files else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        # Half a second, the default, is how long a shutdown takes.
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def data_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data file of one region, instead of the installed one."""
    path = tmp_path / "prices.toml"
    path.write_text(render("by hand", {REGION: {"as_of": date(2020, 1, 1), "nat_gateway_hour": 0.05}}))
    monkeypatch.setattr(prices, "_data_file", lambda: path)
    return path


def refresh(url: str, output: Path | None = None) -> int:
    return prices.run(refresh=True, output=output, price_list=url, as_json=True)


# The data file


def test_the_data_file_is_as_a_refresh_writes_it() -> None:
    path = Path(prices.__file__).with_name("prices.toml")
    assert path.read_text(encoding="utf-8") == render(*load_prices())


def test_every_price_of_a_resource_type_is_one_that_the_refresh_reads() -> None:
    keys = {price.key for row in ROWS.values() for price in row.prices or ()}
    keys |= {key for region in load_prices()[1].values() for key in region} - {"as_of"}
    assert keys == OFFERS.keys()


# The refresh


def test_a_refresh_writes_every_price_of_the_known_regions_with_its_date(
    url: str, data_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refresh(url) == 0
    document = tomllib.loads(data_file.read_text())
    found = document["regions"][REGION]

    assert found.pop("as_of") == prices._today()
    assert found == {
        key: pytest.approx(number / 1000 * offer.units) for number, (key, offer) in enumerate(OFFERS.items(), 1)
    }
    assert "AmazonEC2 2026-09-04" in document["source"]
    assert json.loads(capsys.readouterr().out)["regions"][REGION]["prices"] == found


def test_a_refresh_into_another_file_leaves_the_installed_one(url: str, data_file: Path, tmp_path: Path) -> None:
    before = data_file.read_text()
    assert refresh(url, tmp_path / "other.toml") == 0
    assert (data_file.read_text(), (tmp_path / "other.toml").exists()) == (before, True)


def test_what_cannot_be_read_is_one_line_and_changes_nothing(url: str, price_list: PriceList, data_file: Path) -> None:
    before = data_file.read_text()
    ec2 = price_list.path("AmazonEC2")
    index = "/offers/v1.0/aws/index.json"
    broken = {
        "HTTP status 404": {ec2: None},
        "no JSON object": {index: "<html>"},
        r"no offers\.AmazonEC2\.currentRegionIndexUrl": {index: "{}"},
        "no column TermType": {ec2: "SKU,Price\nA,1"},
        "a price of 'free'": {ec2: price_list.files[ec2].replace('"0.0010000000"', '"free"')},
        r"prices of 0\.001 and 0\.002 for NatGateway-Hours": {
            ec2: price_list.files[ec2]
            + "\n"
            + '"S","OnDemand","0","0.002","USD","AWS Region","NatGateway-Hours","","",""'
        },
        "no price for nat_gateway_hour in eu-west-2": {ec2: price_list.files[ec2].replace("EUW2-Nat", "EUW2-New")},
    }
    for message, changes in broken.items():
        whole = dict(price_list.files)
        for path, text in changes.items():
            price_list.files.pop(path) if text is None else price_list.files.update({path: text})
        with pytest.raises(InputError, match=message) as caught:
            refresh(url)
        assert len(caught.value.problems) == 1
        assert "\n" not in caught.value.problems[0]
        price_list.files = whole
    with pytest.raises(InputError, match="cannot be read"):
        refresh("http://127.0.0.1:9")
    assert data_file.read_text() == before
    assert list(data_file.parent.iterdir()) == [data_file]


def test_only_https_is_read(data_file: Path) -> None:
    assert data_file.exists()
    with pytest.raises(InputError, match=re.escape("expected a URL of https")):
        refresh("http://example.com")


def test_an_output_without_a_refresh_or_in_no_folder_is_refused(url: str, data_file: Path, tmp_path: Path) -> None:
    assert data_file.exists()
    with pytest.raises(InputError, match="without --refresh"):
        prices.run(refresh=False, output=tmp_path / "a.toml", price_list=url, as_json=False)
    with pytest.raises(InputError, match="cannot be written; name another file with --output FILE"):
        refresh(url, tmp_path / "missing" / "a.toml")


# Their age


def test_prices_older_than_a_year_are_said_and_exit_with_1(
    data_file: Path, dev_test: Recording, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data_file.exists()
    assert prices.run(refresh=False, output=None, price_list="", as_json=False) == 1
    assert "Older than a year: eu-west-2." in capsys.readouterr().out
    assert cost_of(dev_test, REGION).prices_older_than_a_year


def test_todays_prices_are_not_old(dev_test: Recording) -> None:
    assert not cost_of(dev_test, "mars-north-1").prices_older_than_a_year
    assert not prices.are_old(prices._today())
