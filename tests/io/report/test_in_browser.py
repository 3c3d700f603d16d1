"""Reports in a real browser: they count what Python counts, and everyone can use them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from report_results import HOSTILE, crowd

from browser import axe_findings, console_errors, requests
from raz.ground import Ground
from raz.io.report import Contents, save_report
from raz.io.zones import Zones

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

    from raz.result import Result

pytestmark = pytest.mark.slow

OBLIQUE = Ground.of_points(
    [(0, 149), (203, 149), (140, 40), (60, 40)], [(0, 0), (12, 0), (12, 25), (0, 25)]
)


class Page:
    """A report in the browser."""

    def __init__(self, browser: Chrome, folder: Path) -> None:
        self.browser, self.folder = browser, folder

    def open(
        self, results: Result | list[Result], contents: Contents | None = None, at: str = ""
    ) -> Page:
        file = save_report(results, self.folder / "report.html", contents)
        self.address = file.as_uri()
        self.browser.get("about:blank")
        console_errors(self.browser)
        requests(self.browser)
        self.browser.get(self.address + at)
        self.wait()
        return self

    def wait(self) -> None:
        self.browser.execute_async_script("(report.ready ?? Promise.resolve()).then(arguments[0])")

    def run(self, script: str, *arguments: Any) -> Any:
        return self.browser.execute_script(script, *arguments)

    def text(self, name: str) -> str:
        return str(self.run("return byId(arguments[0]).textContent", name))

    def type_corners(self, corners: np.ndarray) -> None:
        self.run(
            "byId('corners').value = arguments[0];"
            "byId('corners').dispatchEvent(new Event('input'));",
            "\n".join(f"{x!r} {y!r}" for x, y in corners.tolist()),
        )

    def slide(self, name: str, value: float) -> None:
        self.run(
            "byId(arguments[0]).value = arguments[1];"
            "byId(arguments[0]).dispatchEvent(new Event('input'));",
            name,
            str(value),
        )

    def measure(self, corners: np.ndarray, threshold: float = 0.0) -> dict[str, Any]:
        found = self.run(
            "return JSON.stringify(measureArea(report.view.image, arguments[0], arguments[1]))",
            corners.tolist(),
            threshold,
        )
        return dict(json.loads(found))

    def keys(self, *keys: str) -> None:
        from selenium.webdriver import ActionChains

        ActionChains(self.browser).send_keys(*keys).perform()

    def is_quiet(self) -> None:
        assert console_errors(self.browser) == []
        assert {address.partition("#")[0] for address in requests(self.browser)} == {self.address}


@pytest.fixture
def page(browser: Chrome, tmp_path: Path) -> Page:
    return Page(browser, tmp_path)


def polygons(size: tuple[int, int], seed: int, number: int = 10) -> list[np.ndarray]:
    """Some with sides that cross, some with corners on the image's edge or on cells' edges."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(number):
        corners = random.uniform(0, 1, (random.integers(3, 9), 2)) * size
        found.append(corners if random.random() < 0.5 else np.rint(corners / 8) * 8)
    return [np.minimum(corners, size) for corners in found]


def test_the_slider_counts_as_filtered_does(page: Page) -> None:
    result = crowd()
    # Scores that lie on a step of the slider, as float32 do.
    result.scores[:20] = torch.arange(1, 21) / 20
    page.open(result)
    for threshold in np.arange(0.0, 1.0, 0.1).round(2).tolist():
        page.slide("threshold", threshold)
        expected = len(result.filtered(min_score=threshold))
        assert page.text("heads-count") == f"{expected:,}"
    page.is_quiet()


@pytest.mark.parametrize(("seed", "scale"), [(0, 1.0), (1, 0.4)])
def test_an_area_counts_as_python_does(page: Page, seed: int, scale: float) -> None:
    result = crowd(seed=seed, scale=scale)
    page.open(result, Contents(ground=OBLIQUE))
    for number, corners in enumerate(polygons(result.image_size, seed)):
        threshold = round(0.05 * number, 2)
        found = page.measure(corners, threshold)
        kept = result.filtered(min_score=threshold)
        assert found["heads"] == kept.count_in(corners)
        assert found["density"] == pytest.approx(result.density_in(corners), rel=1e-9, abs=1e-9)
        assert found["interval"] == pytest.approx(result.interval_in(corners), rel=1e-5, abs=1e-5)
        assert found["ground"] == pytest.approx(OBLIQUE.area(corners), rel=1e-9)
    page.is_quiet()


def test_an_area_beyond_the_horizon_has_no_square_metres(page: Page) -> None:
    corners = np.array([(0, 150), (120, 150), (100, 120), (20, 120)])  # sides meet at y = 60
    ground = Ground.of_points(corners, [(0, 0), (9, 0), (9, 9), (0, 9)])
    page.open(crowd(), Contents(ground=ground))
    assert page.measure(corners)["ground"] == pytest.approx(81)
    assert page.measure(np.array([(0, 0), (120, 0), (60, 20)]))["ground"] is None


def test_the_area_of_the_whole_image_is_everything(page: Page) -> None:
    result = crowd()
    width, height = result.image_size
    page.open(result)
    found = page.measure(np.array([(0, 0), (width, 0), (width, height), (0, height)]))
    assert found["heads"] == result.count_points
    assert found["density"] == pytest.approx(float(result.density.double().sum()))


def test_cells_that_are_no_number_spoil_only_areas_that_hold_them(page: Page) -> None:
    result = crowd()
    result.density[0, 0] = torch.nan
    page.open(result)
    assert page.measure(np.array([(0, 0), (9, 0), (9, 9)]))["density"] is None
    far = np.array([(20, 20), (90, 20), (90, 90)])
    assert page.measure(far)["density"] == pytest.approx(result.density_in(far))


def test_an_area_is_shown_in_figures_and_words(page: Page) -> None:
    result = crowd()
    page.open(result, Contents(ground=Ground.of_sampling_distance(0.5)))
    corners = np.array([(10, 10), (110, 10), (110, 90), (10, 90)], dtype=float)
    page.type_corners(corners)
    density, heads = result.density_in(corners), result.count_in(corners)
    assert page.text("area-density") == f"{density:.1f}"
    assert page.text("area-heads") == str(heads)
    assert page.text("area-ground") == "2,000 m²"
    assert float(page.text("area-rate")) == pytest.approx(density / 2000, rel=0.01)
    status = page.text("area-status")
    assert status.startswith(f"{density:.1f} persons in the area by density, ")
    assert f"{heads} located heads" in status
    page.slide("threshold", 0.6)
    assert page.text("area-heads") == str(result.filtered(min_score=0.6).count_in(corners))


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("1 2\n3 4", "at least three"),
        ("1 2\n3 x\n4 5", "is not x and y"),
        ("1 2\n3 4\n4 500", "outside"),
    ],
)
def test_corners_that_are_none_are_said(page: Page, typed: str, error: str) -> None:
    page.open(crowd())
    page.run(
        "byId('corners').value = arguments[0];byId('corners').dispatchEvent(new Event('input'));",
        typed,
    )
    assert error in page.text("corners-error")


def test_no_name_runs(page: Page) -> None:
    marked = crowd(path=f"folder/{HOSTILE}", model=HOSTILE, warnings=(HOSTILE,))
    page.open([marked, crowd(seed=1)])
    assert (
        page.run("return document.querySelector('tbody a').textContent") == HOSTILE.split("/")[-1]
    )
    page.run("location.hash = 'image-1'")
    page.wait()
    assert page.text("warnings") == HOSTILE
    assert page.text("about").count(HOSTILE) == 2
    assert "broken" not in page.browser.title.split(":")[0]
    assert page.run("return document.querySelectorAll('[onerror]').length") == 0
    page.is_quiet()


def test_zones_have_a_table_and_outlines(page: Page) -> None:
    ring, hole = ([(x, x), (y, x), (y, y), (x, y), (x, x)] for x, y in ((20, 120), (50, 90)))
    mask = np.zeros((149, 203), bool)
    mask[100:, 30:] = True
    zones = Zones(
        {
            "door": [*ring, ring[0], *hole, ring[0]],
            HOSTILE: [(130, 10), (190, 10), (190, 60)],
            "7": mask,  # a number as a name would come first in an object of JavaScript
            "away": [(900, 900), (950, 900), (950, 950)],
        }
    )
    result = crowd(zones=zones)
    page.open(result)
    rows = page.run(
        "return [...byId('zones-body').rows].map(row => [...row.cells].map(cell => cell.innerText))"
    )
    assert [row[0].split() for row in rows] == [name.split() for name in zones]
    assert page.text("zones-head") == "ZoneHeadsDensity90 % interval"
    for (_, heads, density, interval), zone in zip(
        rows, result.zone_counts(0.9).values(), strict=True
    ):
        assert (heads, float(density)) == (str(zone.points), pytest.approx(zone.density, abs=0.051))
        assert zone.low is not None
        assert zone.high is not None
        low, high = map(float, interval.split(" to "))
        assert low <= zone.low + 1e-9
        assert high >= zone.high - 1e-9
        assert high - low < zone.high - zone.low + 2.1

    page.is_quiet()  # below Chromium tells that reading pixels is slow

    def yellow(x: float, y: float) -> bool:
        return bool(
            page.run(
                "const { painter } = report.view; painter.layers.heads = false; painter.paint();"
                "const at = painter.viewport.toScreen(arguments[0]).map(v => v * painter.ratio);"
                "const [r, g, b] = painter.canvas.getContext('2d')"
                ".getImageData(...at.map(Math.floor), 1, 1).data;"
                "return r === 255 && g === 235 && b === 59",
                [x, y],
            )
        )

    assert yellow(30, 20)
    assert yellow(60, 50)
    assert yellow(150, 10)
    assert not yellow(35, 35)  # on the way from ring to ring
    page.run("byId('show-zones').click()")
    assert not yellow(30, 20)
    page.open(crowd())
    assert page.run("return byId('zones').hidden && byId('zones-layer').hidden")


def test_an_injected_script_would_not_run(page: Page) -> None:
    page.open(crowd())
    page.run(
        "const s = document.createElement('script'); s.textContent = 'window.ran = true';"
        "document.body.append(s);"
        "const i = document.createElement('img'); i.src = 'https://example.invalid/a.png';"
        "document.body.append(i);"
    )
    assert page.run("return window.ran === undefined")
    errors = console_errors(page.browser)
    assert len(errors) == 2
    assert all("Content Security Policy" in error for error in errors)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("several", [False, True])
def test_nothing_bars_the_way(page: Page, theme: str, several: bool) -> None:
    page.browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": theme}]},
    )
    results = [crowd(seed=seed, time=float(seed), path=f"a.mp4#t={seed}.000") for seed in range(3)]
    zones = Zones({"door": [(8, 8), (80, 8), (80, 80)], "hall": [(90, 8), (190, 8), (190, 140)]})
    page.open(results if several else crowd(warnings=("doubtful",), zones=zones))
    if not several:
        page.type_corners(np.array([(10, 10), (110, 10), (110, 90)]))
        page.run(
            "byId('show-density').click(); document.querySelector('details').open = true;"
            "byId('corners-error').textContent = 'an error';"
        )
    dark = page.run("return getComputedStyle(document.body).backgroundColor") == "rgb(20, 22, 26)"
    assert dark == (theme == "dark")
    assert axe_findings(page.browser) == []
    page.run("byId('theme').value = arguments[0]; byId('theme').dispatchEvent(new Event('change'))",
             "dark" if theme == "light" else "light")  # fmt: skip
    assert page.run("return getComputedStyle(document.body).backgroundColor") != (
        "rgb(20, 22, 26)" if theme == "dark" else "rgb(247, 247, 244)"
    )
    assert axe_findings(page.browser) == []
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    page.is_quiet()


def test_keys_move_and_zoom(page: Page) -> None:
    page.open(crowd())
    page.run("byId('canvas').focus()")
    fitted = page.run("return report.view.painter.viewport.scale")
    page.keys("+", "+")
    zoomed = page.run("return report.view.painter.viewport.scale")
    assert zoomed == pytest.approx(fitted * 1.25**2)
    before = page.run("return report.view.painter.viewport.origin")
    page.keys("\ue014")  # right
    after = page.run("return report.view.painter.viewport.origin")
    assert after[0] < before[0]
    page.keys("0")
    assert page.run("return report.view.painter.viewport.scale") == fitted


def test_keys_draw_an_area(page: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    result = crowd()
    page.open(result)
    page.run("byId('draw').click()")
    page.keys(*[Keys.ARROW_LEFT] * 5, " ", *[Keys.ARROW_RIGHT] * 9, " ", *[Keys.ARROW_DOWN] * 9)
    assert page.text("area-status") == "2 corners"
    page.keys(" ", Keys.ENTER)
    corners = np.array(page.run("return report.view.hand.closedCorners()"))
    assert corners.shape == (3, 2)
    assert page.text("area-heads") == str(result.count_in(corners))
    page.run("byId('area-clear').click()")
    assert page.run("return byId('area-figures').hidden")


def test_a_mouse_draws_drags_and_zooms(page: Page) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
    from selenium.webdriver.common.by import By

    result = crowd()
    page.open(result)
    canvas = page.browser.find_element(By.ID, "canvas")
    page.run("byId('draw').click()")
    hand = ActionChains(page.browser)
    for right, down in [(-100, -80), (120, -60), (60, 90), (-100, -80)]:  # the first one closes it
        hand.move_to_element_with_offset(canvas, right, down).click()
    hand.perform()
    corners = np.array(page.run("return report.view.hand.closedCorners()"))
    assert corners.shape == (3, 2)
    assert page.text("area-heads") == str(result.count_in(corners))

    hand = ActionChains(page.browser)
    hand.move_to_element_with_offset(canvas, 60, 90).click_and_hold().move_by_offset(20, 10)
    hand.release().perform()
    moved = np.array(page.run("return report.view.hand.closedCorners()"))
    scale = page.run("return report.view.painter.viewport.scale")
    np.testing.assert_allclose(moved[2] - corners[2], np.array([20, 10]) / scale, atol=2)
    assert page.text("area-heads") == str(result.count_in(moved))

    hand = ActionChains(page.browser)
    hand.scroll_from_origin(ScrollOrigin.from_element(canvas), 0, -400).perform()
    assert page.run("return report.view.painter.viewport.scale") > scale


def test_the_table_sorts_and_opens(page: Page) -> None:
    results = [crowd(heads=heads, seed=heads, count=float(heads)) for heads in (30, 10, 20)]
    page.open(results)
    assert page.text("overview-title") == "3 images"

    def counts() -> list[str]:
        return list(
            page.run("return [...document.querySelectorAll('td.main')].map(c => c.textContent)")
        )

    assert counts() == ["30.0", "10.0", "20.0"]
    name = "[...document.querySelectorAll('thead button')].find(b => /Persons/.test(b.textContent))"
    page.run(f"{name}.click()")
    assert counts() == ["10.0", "20.0", "30.0"]
    assert page.run("return document.querySelector('[aria-sort]').ariaSort") == "ascending"
    page.run(f"{name}.click()")
    assert counts() == ["30.0", "20.0", "10.0"]
    page.run("document.querySelector('tbody a').click()")
    page.browser.execute_async_script("setTimeout(arguments[0], 0)")
    page.wait()
    assert page.text("view-title") == "crowd-30.jpg"
    assert page.text("heads-count") == "30"
    assert page.run("return document.activeElement.id") == "view-title"
    page.is_quiet()


def test_an_image_beyond_the_limit_keeps_its_figures(page: Page) -> None:
    page.open([crowd(), crowd(seed=1)], Contents(view_bytes=1), at="#image-2")
    assert page.text("view-title") == "crowd-1.jpg"
    assert page.run("return byId('workspace').hidden && !byId('no-view').hidden")


def test_a_video_has_a_chart(page: Page) -> None:
    frames = [
        crowd(heads=2, seed=number, path=f"a.mp4#t={number}.000", time=float(number), count=count)
        for number, count in enumerate((10.0, 40.0, 20.0))
    ]
    page.open(frames)
    words = page.run("return document.querySelector('.chart svg').getAttribute('aria-label')")
    assert words.endswith("Least 10.0 at 0:00.0, most 40 at 0:01.0.")
    line = page.run("return document.querySelector('.chart .line').getAttribute('points')")
    heights = [float(point.split(",")[1]) for point in line.split()]
    assert sorted(heights) == [heights[1], heights[2], heights[0]]


def test_twenty_thousand_heads_are_painted(page: Page) -> None:
    result = crowd(heads=20_000, size=(1600, 1200))
    page.open(result)
    assert page.text("heads-count") == "20,000"
    paint = (
        "const p = report.view.painter; return p.dots.paint(p.canvas.getContext('2d'),"
        "p.image.heads, arguments[0], p.viewport, p.ratio);"
    )
    assert page.run(paint, 0) == 20_000
    assert page.run(paint, 0.5) == len(result.filtered(min_score=0.5))
    page.run("report.view.painter.viewport.zoom(8)")
    assert 0 < page.run(paint, 0) < 20_000 / 30
    coloured = "const p = report.view.painter; p.paint(); return p.dots.layer.getContext('2d')"
    coloured += ".getImageData(0, 0, p.canvas.width, p.canvas.height).data.some(v => v > 0);"
    assert page.run(coloured)
    page.is_quiet()


def test_it_prints_in_light_colours(page: Page) -> None:
    page.open(crowd())
    page.run("document.documentElement.dataset.theme = 'dark'")
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert (
        page.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    )
    assert page.run("return getComputedStyle(document.querySelector('.tools')).display") == "none"
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
