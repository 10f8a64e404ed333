"use strict";
// The list of keys, the figures, the link.
(() => {
  const { by, element } = burstlab;
  let keysOn = true;

  burstlab.keysAreOn = () => keysOn;

  const closing = () => element("form", { method: "dialog" }, element("button", {}, "Close"));

  const NAMES = { " ": "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };
  const keyName = (key) => NAMES[key] ?? key.replace("Shift+Arrow", "Shift ").replace(/Left|Right|Up|Down/, (side) => NAMES[`Arrow${side}`]);

  burstlab.openHelp = () => {
    const rows = burstlab.KEYS.map(({ keys, text, window }) => element("tr", {},
      element("td", {}, ...keys.flatMap((key) => [element("kbd", {}, keyName(key)), " "])),
      element("td", {}, text), element("td", {}, window ? "as in the window" : "")));
    const box = element("input", { type: "checkbox", checked: keysOn });
    box.addEventListener("change", () => { keysOn = box.checked; });
    by("help").replaceChildren(
      element("h2", { id: "help-title" }, "Keys"),
      element("table", {}, element("tbody", {}, ...rows)),
      element("p", {}, "Mouse: drag moves, the wheel zooms, Shift and drag zooms into a box, a double click zooms in or fits, a click chooses a picture."),
      element("p", {}, element("label", {}, box, " keys of one letter are on")),
      closing());
    by("help").showModal();
  };

  function openFigures() {
    const figures = burstlab.contents.figures.map(({ file, caption }) =>
      element("figure", {}, element("img", { src: file, alt: caption }), element("figcaption", {}, caption)));
    by("figures").replaceChildren(element("h2", { id: "figures-title" }, "Figures"),
      element("div", { className: "figures" }, ...figures), closing());
    by("figures").showModal();
  }

  async function copyLink() {
    burstlab.writeFragment();
    try {
      await navigator.clipboard.writeText(location.href);
      burstlab.say("The link is copied");
    } catch {
      burstlab.say("The browser does not let the page copy; the address bar holds the link");
    }
  }

  burstlab.startDialogs = () => {
    by("open-help").addEventListener("click", burstlab.openHelp);
    by("open-figures").hidden = !burstlab.contents.figures.length;
    by("open-figures").addEventListener("click", openFigures);
    by("copy-link").addEventListener("click", copyLink);
  };
})();
