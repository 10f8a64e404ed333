"""The comparison page in a browser, opened from disk."""

import numpy as np
import pytest
import torch
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from evaluation.html_report import write_page
from models.loss.ssim import SSIM
from tests.browser import Page
from tests.viewed_bursts import FULL_SCALE, LABELS, burst, viewed, viewing

TRUTH = "ground truth"
SCORES = (20, 24, 25, 31, 30, 27)
BURSTS = [burst(0, lambda _, network: SCORES[network]), burst(1), burst(2), burst(3)]


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page with spaces & signs")
    return write_page(folder, viewing(BURSTS))


@pytest.fixture
def page(browser, index):
    return Page(browser, index).open()


def image(label, number=0):
    return BURSTS[number].image(label)


def psnr(one, other, peak):
    return 10 * np.log10(peak**2 / np.mean((one.astype(float) - other.astype(float)) ** 2))


def listed(page):
    return page.texts(".burst .name")


def ssim(one, other):
    pair = (torch.from_numpy(picture.astype(float)).permute(2, 0, 1)[None] for picture in (one, other))
    return float(SSIM(use_for_loss=False, val_range=255)(*pair))


def zoom(page):
    return page.run("burstlab.placement(burstlab.canvas()).zoom")


# Loading


def test_page_opens_from_disk_without_complaint(page):
    assert page.driver.title == "Fabricated bursts"
    assert listed(page) == ["b0", "b1", "b2", "b3"]
    assert page.texts(".pane:not([hidden]) .pane-title .name") == [TRUTH, *LABELS[-3:]]
    assert page.errors() == []


def test_every_value_and_every_displayed_colour_is_that_of_the_source(page):
    for label in (TRUTH, *LABELS):
        page.wait(f"burstlab.labelled({label!r}).complete")
        pixels = "((image) => [[...image.values], [...image.picture]])(burstlab.labelled(arguments[0]))"
        values, picture = page.run(pixels, label)
        source = image(label)
        assert np.array_equal(np.reshape(values, (30, 40, 3)), source.values())
        shown = np.reshape(picture, (30, 40, 4))
        assert np.array_equal(shown[..., :3], source.picture())
        assert (shown[..., 3] == 255).all()


def test_what_is_drawn_is_the_picture_pixel_by_pixel(page):
    for pane, label in enumerate((TRUTH, *LABELS[-3:])):
        for column, row in ((0, 0), (39, 0), (17, 12), (39, 29)):
            assert page.pixel(pane, column, row) == image(label).picture()[row, column].tolist()


def test_image_of_several_tiles_is_whole(browser, tmp_path):
    wide = [viewed(TRUTH, 1, (20, 1100)), viewed("mean", 2, (700, 30), channels=1)]
    one = burst(0, ground_truth=wide[0], results=(wide[1], viewed("network A", 3, (20, 1100))))
    page = Page(browser, write_page(tmp_path, viewing([one]))).open()
    for source in wide:
        values = page.run("[...burstlab.labelled(arguments[0]).values]", source.label)
        assert np.array_equal(np.reshape(values, source.values().shape), source.values())
        drawn = """[...burstlab.labelled(arguments[0]).canvas.getContext("2d")
            .getImageData(0, 0, arguments[2], arguments[1]).data]"""
        height, width = source.picture().shape[:2]
        pixels = np.reshape(page.run(drawn, source.label, height, width), (height, width, 4))
        assert np.array_equal(pixels[..., :3], source.picture())


def test_missing_tile_is_named(browser, tmp_path):
    index = write_page(tmp_path, viewing([burst(0)]))
    (tmp_path / "data" / "0000" / "0_0.js").unlink()
    browser.get(index.as_uri())
    page = Page(browser, index)
    page.wait("document.getElementById('status').textContent !== ''")
    assert "data/0000/0_0.js cannot be read" in page.texts("#status")[0]


def test_list_of_many_bursts_holds_only_the_rows_that_are_seen(browser, tmp_path):
    small = [
        burst(number, results=tuple(viewed(label, number, (2, 2)) for label in LABELS[:2])) for number in range(90)
    ]
    page = Page(browser, write_page(tmp_path, viewing(small))).open()
    assert len(listed(page)) < 30
    page.press("q", Keys.END)
    assert page.state("burst") == 89
    assert "b89" in listed(page)
    assert len(listed(page)) < 30


# Figures


def test_scores_of_the_burst_stand_in_the_table_and_the_best_is_emphasised(page):
    rows = [row.split("\t") for row in page.texts("#scores tbody tr")]
    assert [row[-2] for row in rows] == ["–", *(f"{value:.2f}" for value in SCORES)]
    assert page.texts("#scores td.best")[0] == "31.00"
    assert page.texts("#facts dd") == ["scene 0", "0", "made up"]


def test_figures_of_the_region_are_those_of_its_pixels(page):
    page.run("burstlab.zoomToRegion({left: 4, top: 6, right: 20, bottom: 18}, burstlab.canvas())")
    page.settle()
    seen = page.run("burstlab.visible(burstlab.canvas())")
    part = np.s_[seen["top"] : seen["bottom"], seen["left"] : seen["right"]]
    assert seen["left"] <= 4 < 20 <= seen["right"] < 30
    rows = {label: cells for label, *cells in (row.split("\t") for row in page.texts("#region tbody tr"))}
    truth = image(TRUTH)
    for label in LABELS[-3:]:
        result = image(label)
        assert rows[label] == [
            f"{psnr(result.picture()[part], truth.picture()[part], 255):.2f}",
            f"{ssim(result.picture()[part], truth.picture()[part]):.4f}",
            f"{psnr(result.values()[part], truth.values()[part], FULL_SCALE):.2f}",
        ]
    assert rows[TRUTH] == ["–", "–", "–"]


def test_values_under_the_mouse_are_shown_for_all_results(page):
    page.run("burstlab.zoomTo(20, burstlab.canvas())")
    page.settle()
    canvas = page.driver.find_elements(By.CSS_SELECTOR, ".pane:not([hidden]) canvas")[1]
    ActionChains(page.driver, duration=0).move_to_element_with_offset(canvas, 35, -47).perform()
    page.settle()
    column, row = page.state("pointer")
    middle = [canvas.size["width"] / 2 + 35, canvas.size["height"] / 2 - 47]
    assert [column, row] == page.run("burstlab.pixelAt(burstlab.canvas(), ...arguments[0])", middle)
    shown = [line.split("\t") for line in page.texts("#pixel tbody tr")]
    for label, *values in shown:
        assert list(map(int, values)) == image(label).values()[row, column].tolist()
    assert page.texts("#pixel-place") == [f"column {column}, row {row}"]


def test_results_that_are_not_aligned_with_the_ground_truth_are_not_compared_with_it(browser, tmp_path):
    page = Page(browser, write_page(tmp_path, viewing([burst(0)], pixels_compare=False))).open("#mode=difference")
    assert set(page.texts("#region tbody td")) == {"–"}
    assert "does not compare" in page.texts(".pane-title .note")[0]
    page.run("burstlab.set({reference: 'mean'}, 'shown')")
    page.settle()
    assert any(cell != "–" for cell in page.texts("#region tbody td"))


# Zoom and pan


def test_wheel_zooms_all_panes_about_the_pixel_under_the_mouse(page):
    canvases = page.driver.find_elements(By.CSS_SELECTOR, ".pane:not([hidden]) canvas")
    before = zoom(page)
    ActionChains(page.driver, duration=0).move_to_element_with_offset(canvases[2], 60, 40).perform()
    page.settle()
    under = page.state("pointer")
    for _ in range(3):
        wheel = ActionChains(page.driver, duration=0)
        wheel.scroll_from_origin(ScrollOrigin.from_element(canvases[2], 60, 40), 0, -120).perform()
    page.settle()
    ActionChains(page.driver, duration=0).move_to_element_with_offset(canvases[2], 61, 40).perform()
    page.settle()
    assert zoom(page) > before
    assert page.state("pointer") == under
    for pane, label in enumerate((TRUTH, *LABELS[-3:])):
        assert page.pixel(pane, *under) == image(label).picture()[under[1], under[0]].tolist()
    assert len(set(page.run("burstlab.panes().map(({canvas}) => JSON.stringify(burstlab.visible(canvas)))"))) == 1


def test_dragging_moves_the_image_with_the_mouse(page):
    page.run("burstlab.zoomTo(24, burstlab.canvas())")
    page.settle()
    before = page.run("burstlab.placement(burstlab.canvas())")
    canvas = page.driver.find_element(By.CSS_SELECTOR, ".pane canvas")
    ActionChains(page.driver, duration=0).move_to_element(canvas).click_and_hold().move_by_offset(
        -48, 72
    ).release().perform()
    page.settle()
    after = page.run("burstlab.placement(burstlab.canvas())")
    assert [after["left"] - before["left"], after["top"] - before["top"]] == pytest.approx([-48, 72], abs=1)


def test_shift_and_drag_zooms_into_the_box(page):
    canvas = page.driver.find_element(By.CSS_SELECTOR, ".pane canvas")
    actions = ActionChains(page.driver, duration=0).key_down(Keys.SHIFT).move_to_element(canvas)
    actions.click_and_hold().move_by_offset(60, 50).release().key_up(Keys.SHIFT).perform()
    page.settle()
    seen = page.run("burstlab.visible(burstlab.canvas())")
    fit = page.run("burstlab.fitZoom(burstlab.canvas().width, burstlab.canvas().height)")
    assert seen["left"] <= 20 < 20 + 60 // fit <= seen["right"] < 40
    assert seen["right"] - seen["left"] < 40


def test_zoomed_pixels_are_squares_of_one_size(page):
    page.press("o", "+", "+")
    assert zoom(page) == 3
    strip = page.run("""((canvas) => { const { left, top } = burstlab.placement(canvas);
        return [...canvas.getContext("2d").getImageData(left, top + 1, 120, 1).data]; })(burstlab.canvas())""")
    expected = np.repeat(image(TRUTH).picture()[0], 3, axis=0)
    assert np.array_equal(np.reshape(strip, (120, 4))[:, :3], expected)


# Views


def test_slider_shows_the_reference_left_of_the_line_and_the_other_right_of_it(page):
    page.press("x")
    assert page.texts(".pane:not([hidden]) .pane-title .name") == [TRUTH, "network B"]
    assert page.pixel(0, 5, 10) == image(TRUTH).picture()[10, 5].tolist()
    assert page.pixel(0, 34, 10) == image("network B").picture()[10, 34].tolist()
    page.driver.find_element(By.CSS_SELECTOR, ".handle").send_keys(Keys.END)
    page.settle()
    assert page.pixel(0, 34, 10) == image(TRUTH).picture()[10, 34].tolist()
    page.driver.find_element(By.CSS_SELECTOR, ".handle").send_keys(Keys.HOME)
    page.settle()
    assert page.pixel(0, 5, 10) == image("network B").picture()[10, 5].tolist()
    page.press("d")
    assert page.pixel(0, 5, 10) == image("network <b>C</b>").picture()[10, 5].tolist()


def test_handle_of_the_slider_follows_the_mouse(page):
    page.press("x")
    handle = page.driver.find_element(By.CSS_SELECTOR, ".handle")
    width = page.driver.find_element(By.CSS_SELECTOR, ".pane canvas").size["width"]
    ActionChains(page.driver, duration=0).move_to_element(handle).click_and_hold().move_by_offset(
        100, 0
    ).release().perform()
    assert page.settle().state("split") == pytest.approx(0.5 + 100 / width, abs=0.005)


def test_flicker_shows_one_image_after_the_other_in_the_same_place(page):
    page.press("f")
    seen = []
    for _ in range(4):
        seen.append(page.pixel(0, 8, 9))
        page.press(Keys.ARROW_RIGHT)
    assert seen == [image(label).picture()[9, 8].tolist() for label in (TRUTH, *LABELS[-3:])]
    assert page.pixel(0, 8, 9) == seen[0]


def test_flicker_plays_and_pauses(page):
    page.press("f")
    page.run("burstlab.set({rate: 5}, 'view')")
    assert page.state("playing") is False
    page.press(" ")
    page.wait("burstlab.state.selected !== 'ground truth'")
    assert page.texts("#play") == ["Pause"]
    page.press(" ")
    still = page.state("selected")
    page.driver.execute_async_script("setTimeout(arguments[0], 450)")
    assert page.state("selected") == still


def test_flicker_stays_below_three_flashes_a_second(page):
    assert page.run("burstlab.FASTEST") <= 6


@pytest.mark.parametrize("signed", [False, True])
def test_difference_view_shows_amplified_differences_of_displayed_colours(page, signed):
    page.run("burstlab.set({mode: 'difference', gain: 2, signed: arguments[0]}, 'view')", signed)
    page.settle()
    assert page.texts(".pane:not([hidden]) .pane-title .name") == list(LABELS[-3:])
    result, truth = image("network B").picture()[7, 21].astype(int), image(TRUTH).picture()[7, 21].astype(int)
    expected = 128 + 2 * (result - truth) if signed else 2 * abs(result - truth)
    assert page.pixel(0, 21, 7) == expected.clip(0, 255).tolist()


def test_difference_view_shows_differences_of_16_bit_values(page):
    page.run("burstlab.set({mode: 'difference', gain: 1, space: 'values'}, 'view')")
    page.settle()
    result, truth = image("network B").values()[7, 21].astype(int), image(TRUTH).values()[7, 21].astype(int)
    assert page.pixel(0, 21, 7) == pytest.approx(abs(result - truth) * 255 / FULL_SCALE, abs=0.51)


def test_two_to_six_results_are_shown(page):
    page.press("2", "3", "4")
    assert page.state("shown") == [TRUTH, *LABELS[:2], *LABELS[-3:]]  # the last one found no room
    page.press("1", "2", "3", "5", "6")
    assert page.state("shown") == ["network <b>C</b>", "network D"]  # the last one had to stay


def test_a_name_is_text_and_no_markup(page):
    assert page.run("document.querySelectorAll('#scores b').length") == 0
