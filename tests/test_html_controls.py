"""The comparison page without a mouse: order of the bursts, keys, links, and what a screen reader is told."""

from pathlib import Path
from urllib.parse import parse_qs

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from evaluation.html_report import Figure, write_page
from tests.browser import Page
from tests.viewed_bursts import LABELS, burst, viewed, viewing

TRUTH = "ground truth"
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "quickstart.png"

# PSNR of the networks A and D; b3 has no score of D and no noise level.
NETWORK_A, NETWORK_D = (25, 26, 24, 29), (27, 33, 25, 22)
NOISE = (2, 8, 4)


def _burst(number):
    scores = dict.fromkeys(LABELS, 20) | {"network A": NETWORK_A[number], "network D": NETWORK_D[number]}
    noise = {"noise level": float(NOISE[number])} if number < len(NOISE) else {}
    one = burst(number, lambda _, network: float(scores[LABELS[network]]), properties=noise)
    if number < len(NOISE):
        return one
    results = tuple(viewed(r.label, 999) if r.label == "network D" else r for r in one.results)
    return burst(number, results=results, properties=noise)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    bursts = [_burst(number) for number in range(4)]
    return write_page(tmp_path_factory.mktemp("page"), viewing(bursts), [Figure(PICTURE, "PSNR against noise")])


@pytest.fixture
def page(browser, index):
    return Page(browser, index).open()


def choose(page, field, text):
    Select(page.driver.find_element(By.ID, field)).select_by_visible_text(text)
    page.settle()


def listed(page):
    return page.texts(".burst .name")


def fragment(page):
    return parse_qs(page.run("burstlab.fragment()").removeprefix("#"))


# Order


def test_bursts_are_sorted_by_the_score_of_a_network(page):
    choose(page, "sort-by", "score")
    choose(page, "sort-first", "network A")
    assert listed(page) == ["b2", "b0", "b1", "b3"]
    assert page.texts(".burst .value")[0] == "PSNR 24.00"
    page.driver.find_element(By.ID, "sort-direction").click()
    assert listed(page.settle()) == ["b3", "b1", "b0", "b2"]


def test_bursts_are_sorted_by_the_gap_between_two_networks_and_unknown_ones_stand_last(page):
    choose(page, "sort-by", "gap between two")
    choose(page, "sort-first", "network D")
    choose(page, "sort-second", "network A")
    assert listed(page) == ["b2", "b0", "b1", "b3"]
    assert page.texts(".burst .value") == ["PSNR +1.00", "PSNR +2.00", "PSNR +7.00", "PSNR –"]
    page.driver.find_element(By.ID, "sort-direction").click()
    assert listed(page.settle()) == ["b1", "b0", "b2", "b3"]


def test_bursts_are_sorted_by_noise_level(page):
    choose(page, "sort-by", "noise level")
    assert listed(page) == ["b0", "b2", "b1", "b3"]


def test_next_burst_is_the_next_of_the_sorted_list(page):
    choose(page, "sort-by", "noise level")
    page.driver.find_element(By.ID, "stage").click()
    page.press("n")
    assert page.texts("#burst-name") == ["b2"]


def test_bursts_are_found_by_name(page):
    page.press("/", "3")
    assert listed(page) == ["b3"]
    assert page.texts("#count") == ["1 of 4 bursts"]
    assert page.state("shown") == [TRUTH, *LABELS[-3:]]  # the 3 was typed, and hid nothing


# Keys, those of the window first


def test_n_and_b_go_through_the_bursts(page):
    assert page.press("n").texts("#burst-name") == ["b1"]
    assert page.press("b", "b").texts("#burst-name") == ["b3"]
    assert page.run("burstlab.panes()[0].canvas.getAttribute('aria-label')").startswith(f"{TRUTH}, b3")


def test_space_shows_one_image_and_all_again(page):
    page.press("d", " ")
    assert page.texts(".pane:not([hidden]) .pane-title .name") == ["network B"]
    page.press(Keys.ARROW_RIGHT)
    assert page.texts(".pane:not([hidden]) .pane-title .name") == ["network <b>C</b>"]
    page.press(" ")
    assert len(page.texts(".pane:not([hidden]) .pane-title .name")) == 4


def test_images_are_chosen_cyclically_sideways_and_by_rows(page):
    assert page.press("a").state("selected") == "network D"
    assert page.press(Keys.ARROW_RIGHT).state("selected") == TRUTH
    assert page.run("burstlab.columns") == 2
    assert page.press("s").state("selected") == "network <b>C</b>"
    assert page.press(Keys.ARROW_UP).state("selected") == TRUTH
    assert page.texts(".pane.selected .pane-title .name") == [TRUTH]


def test_y_marks_a_burst_and_the_list_can_show_marked_ones_only(page):
    page.press("n", "y")
    assert page.state("marked.has('b1')") is True
    page.driver.find_element(By.ID, "only-marked").click()
    assert listed(page.settle()) == ["b1"]
    assert page.press("y").state("marked.size") == 0


def test_q_leads_to_the_list_where_arrows_choose(page):
    page.press("q", Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert page.texts("#burst-name") == ["b2"]
    active = page.run("document.getElementById('bursts').getAttribute('aria-activedescendant')")
    assert page.run("document.getElementById(arguments[0]).ariaSelected", active) == "true"


def test_plus_minus_and_shifted_arrows_move_the_view_and_r_forgets_it(page):
    page.press("+", "+")
    zoomed = page.run("burstlab.visible(burstlab.canvas())")
    ActionChains(page.driver, duration=0).key_down(Keys.SHIFT).send_keys(Keys.ARROW_RIGHT).key_up(Keys.SHIFT).perform()
    page.settle()
    moved = page.run("burstlab.visible(burstlab.canvas())")
    assert moved["left"] > zoomed["left"]
    assert moved["top"] == zoomed["top"]
    assert page.texts("#pixel-place")[0].startswith("column ")
    page.press("r")
    assert page.state("zoom") is None


def test_p_offers_all_panes_as_one_picture(page):
    saved = page.run("""((made) => { const before = URL.createObjectURL;
        HTMLAnchorElement.prototype.click = function () { made.name = this.download; };
        window.made = made; return burstlab.sheet().width; })({})""")
    assert saved == 2 * page.run("burstlab.canvas().width")
    page.press("p")
    page.wait("window.made.name")
    assert page.run("window.made.name") == "b0.png"


def test_help_names_every_key_and_can_switch_letters_off(page):
    page.press("?")
    named = page.run("[...document.querySelectorAll('#help kbd')].map((key) => key.innerText)")
    assert {"n", "y", "q", "Space", "d", "→", "a", "←", "w", "↑", "s", "↓", "r", "p"} <= set(named)
    page.driver.find_element(By.CSS_SELECTOR, "#help input").click()
    page.press(Keys.ESCAPE, "n")
    assert page.texts("#burst-name") == ["b0"]


def test_every_control_is_reached_with_the_tab_key_and_has_a_name(page):
    controls = page.run("""[...document.querySelectorAll("button, select, input, [tabindex='0']")]
        .filter((one) => one.checkVisibility() && one.tabIndex >= 0).length""")
    reached = set()
    for _ in range(controls + 3):
        page.driver.switch_to.active_element.send_keys(Keys.TAB)
        element = page.driver.switch_to.active_element
        if element.tag_name != "body":
            assert element.accessible_name, element.get_attribute("outerHTML")
            reached.add(element.id)
    assert len(reached) >= controls


def test_all_text_has_enough_contrast(page):
    """WCAG 2.2, 1.4.3: at least 4.5 : 1."""
    page.press("d", "y")
    low = page.run(CONTRAST)
    assert low == []


CONTRAST = """(() => {
  const channel = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = numbers(colour).map((value) => channel(value / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (one) => {
    const colour = getComputedStyle(one).backgroundColor;
    return (numbers(colour)[3] ?? 1) > 0 ? colour : ground(one.parentElement);
  };
  return [...document.querySelectorAll("body *")]
    .filter((one) => one.checkVisibility() && [...one.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
    .map((one) => { const [a, b] = [light(getComputedStyle(one).color), light(ground(one))];
      return [one.outerHTML.slice(0, 80), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]; })
    .filter(([, ratio]) => ratio < 4.5);
})()"""


# Links and figures


def test_fragment_restores_the_whole_view(page, browser, index):
    page.press("n", "2", "x", "d", "+", "y")
    choose(page, "sort-by", "gap between two")
    page.run("burstlab.moveSplit(0.3)")
    page.settle()
    expected = fragment(page)
    page.wait("location.hash === burstlab.fragment()")
    link = page.driver.current_url
    again = Page(browser, index).open("#" + link.split("#")[1])
    assert fragment(again) == expected
    assert [expected[field] for field in ("burst", "mode", "split")] == [["b1"], ["slider"], ["0.300"]]
    assert again.texts("#burst-name") == ["b1"]
    assert again.texts("#mode-slider[aria-checked=true]") == ["Slider"]


def test_a_changed_fragment_is_followed(page):
    page.run("location.hash = '#burst=b2&mode=difference&gain=16'")
    page.wait("burstlab.state.burst === 2")
    assert page.settle().texts(".pane-title .note")[0] == "minus ground truth, × 16"


def test_nonsense_in_the_fragment_does_no_harm(browser, index):
    text = "#burst=nowhere&mode=x&zoom=1e9&at=a,b&show=nobody&sort=what,,&gain=-5&split=NaN&rate=900"
    page = Page(browser, index).open(text)
    assert page.texts("#burst-name") == ["b0"]
    assert page.state("zoom") == 64
    assert len(page.state("shown")) == 2
    assert page.state("rate") == 5
    assert page.errors() == []


def test_figures_open_with_their_captions(page):
    page.driver.find_element(By.ID, "open-figures").click()
    assert page.texts("#figures figcaption") == ["PSNR against noise"]
    page.wait("document.querySelector('#figures img').naturalWidth > 0")
