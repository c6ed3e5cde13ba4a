"""The SVG in a real browser: what it measures, not what the layout estimates."""

import html
import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tak_tools.diagram.svg import svg
from tak_tools.program import Recording
from tests.options import Evaluate
from tests.tools.test_diagram import MANY_ENDPOINTS, apart, contains

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="found no chromium, chromium-browser or google-chrome"),
]

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
MEASURE = """
const rectangle = item => { const b = item.getBBox(); return [b.x, b.y, b.x + b.width, b.y + b.height]; };
const all = name => [...document.querySelectorAll(name)];
const result = {
  boxes: Object.fromEntries(all('rect[data-box]').map(item => [item.dataset.box, rectangle(item)])),
  texts: all('svg text').map(item => ({value: item.textContent, box: item.dataset.in || null,
    size: parseFloat(getComputedStyle(item).fontSize), place: rectangle(item)})),
  canvas: ['width', 'height'].map(name => document.querySelector('svg').getBoundingClientRect()[name]),
  fetched: performance.getEntriesByType('resource').map(entry => entry.name)};
document.getElementById('result').textContent = JSON.stringify(result);
"""


def _measure(document: str, folder: Path) -> dict[str, Any]:
    page = folder / "page.html"
    page.write_text(
        f'<!doctype html><meta charset="utf-8"><body>{document}<pre id="result"></pre><script>{MEASURE}</script>',
        encoding="utf-8",
    )
    command = [str(BROWSER), *FLAGS.split(), f"--user-data-dir={folder / 'profile'}", "--dump-dom", page.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout  # noqa: S603
    found = re.search(r'<pre id="result">(.+?)</pre>', dom, re.DOTALL)
    assert found, dom[-2000:]
    return json.loads(html.unescape(found[1]))


# `sans-serif` is the reader's font: one of the narrow ones and the widest one stand for all.
@pytest.mark.parametrize("font", ["sans-serif", "DejaVu Sans"])
@pytest.mark.parametrize(
    ("stack", "overrides"),
    [
        ("prod", {}),
        ("dev-test", {}),
        ("prod", {"vpcEndpoints": MANY_ENDPOINTS, "privateSubnetPrefix": 24, "flowLogs": "all"}),
    ],
    ids=["prod", "dev-test", "twelve endpoints"],
)
def test_text_is_readable_and_stays_in_its_box(
    evaluate: Evaluate, tmp_path: Path, stack: str, overrides: dict[str, Any], font: str
) -> None:
    document = svg(evaluate(stack, **overrides)).replace('font-family="sans-serif"', f'font-family="{font}"')

    measured = _measure(document, tmp_path)

    boxes, texts = measured["boxes"], measured["texts"]
    assert len(texts) == document.count("<text")
    assert measured["fetched"] == []
    for text in texts:
        assert text["size"] >= 11, text
        outer = boxes[text["box"]] if text["box"] else [0, 0, *measured["canvas"]]
        assert contains(outer, text["place"]), text
        for name, box in boxes.items():
            assert contains(box, text["place"]) or apart(text["place"], box), (text, name)
    for one, other in itertools.combinations(texts, 2):
        # The height that is measured is that of the font's tallest glyphs; lines of a block may touch there.
        assert apart(_core(one["place"]), _core(other["place"])), (one, other)


def _core(place: list[float]) -> list[float]:
    return [place[0], place[1] + 1, place[2], place[3] - 1]


def test_a_browser_opens_the_file_as_an_image(prod: Recording, tmp_path: Path) -> None:
    (tmp_path / "prod.svg").write_text(svg(prod), encoding="utf-8")
    page = tmp_path / "page.html"
    page.write_text(
        "<!doctype html><img src=prod.svg onload=\"document.title = this.naturalWidth + 'x' + this.naturalHeight\">",
        encoding="utf-8",
    )

    command = [str(BROWSER), *FLAGS.split(), f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout  # noqa: S603

    width, height = (round(float(value)) for value in re.findall(r'(?:width|height)="([\d.]+)"', svg(prod))[:2])
    title = re.search(r"<title>(\d+)x(\d+)</title>", dom)
    assert title, dom[-500:]
    assert abs(int(title[1]) - width) <= 1
    assert abs(int(title[2]) - height) <= 1
