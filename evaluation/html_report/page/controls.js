"use strict";
// The bar above the pictures, and the options of each view.
(() => {
  const { by, element } = burstlab;

  function fill(select, options, value) {
    select.replaceChildren(...options.map(([key, text]) => element("option", { value: key }, text)));
    select.value = value;
  }
  burstlab.fill = fill;

  burstlab.setMode = (mode) => burstlab.set({ mode, playing: mode === "flicker" && burstlab.state.playing }, "view", "shown");

  // One stop of the Tab key; arrows choose among the views.
  function modeButton([mode, text], index, all) {
    const button = element("button", { type: "button", role: "radio", id: `mode-${mode}`, "aria-keyshortcuts": burstlab.MODE_KEYS[mode] }, text);
    button.addEventListener("click", () => burstlab.setMode(mode));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step || event.shiftKey) return;
      const [next] = all[(index + step + all.length) % all.length];
      burstlab.setMode(next);
      by(`mode-${next}`).focus();
      event.preventDefault();
      event.stopPropagation();
    });
    return button;
  }

  function choice(text, options, value, choose) {
    const select = element("select");
    fill(select, options, value);
    select.addEventListener("change", () => choose(select.value));
    return element("label", { className: "field" }, `${text} `, select);
  }

  function check(text, checked, choose) {
    const box = element("input", { type: "checkbox", checked });
    box.addEventListener("change", () => choose(box.checked));
    return element("label", { className: "field" }, box, ` ${text}`);
  }

  function flickerOptions({ playing, rate }) {
    const play = element("button", { type: "button", id: "play", "aria-keyshortcuts": "Space" }, playing ? "Pause" : "Play");
    play.addEventListener("click", () => burstlab.play());
    const rates = burstlab.RATES.map((value) => [value, `${value} per second`]);
    return [play, choice("Images", rates, rate, (value) => burstlab.set({ rate: Number(value) }, "view"))];
  }

  function differenceOptions({ gain, space, signed, single }) {
    const gains = [1, 2, 4, 8, 16, 32, 64].map((value) => [value, `× ${value}`]);
    const spaces = [["picture", "displayed colours"], ["values", "16-bit values"]];
    return [
      choice("Amplified", gains, gain, (value) => burstlab.set({ gain: Number(value) }, "view")),
      choice("of", spaces, space, (value) => burstlab.set({ space: value }, "view")),
      check("with sign, around grey", signed, (value) => burstlab.set({ signed: value }, "view")),
      singleOption(single),
    ];
  }

  const singleOption = (single) => check("one image", single, (value) => burstlab.set({ single: value }, "view"));

  function sliderOptions({ shown, selected, reference }) {
    const others = shown.filter((label) => label !== reference).map((label) => [label, label]);
    return [element("span", {}, `left: ${reference}`), choice("right:", others, selected, burstlab.select)];
  }

  const OPTIONS = {
    side: ({ single }) => [singleOption(single)],
    slider: sliderOptions,
    flicker: flickerOptions,
    difference: differenceOptions,
  };
  let before = null;

  // Made anew only when they change: whoever uses them must not lose the focus.
  function showOptions() {
    const { state } = burstlab;
    const { mode, playing, rate, gain, space, signed, single, shown, selected, reference } = state;
    const now = JSON.stringify([mode, playing, rate, gain, space, signed, single, reference, shown, mode === "slider" && selected]);
    if (now === before) return;
    before = now;
    const box = by("options");
    const at = [...box.querySelectorAll("select, input, button")].indexOf(document.activeElement);
    box.replaceChildren(...OPTIONS[mode](state));
    if (at >= 0) box.querySelectorAll("select, input, button")[at]?.focus();
  }

  function showModes() {
    for (const mode of Object.keys(burstlab.MODES)) {
      const chosen = mode === burstlab.state.mode;
      by(`mode-${mode}`).setAttribute("aria-checked", chosen);
      by(`mode-${mode}`).tabIndex = chosen ? 0 : -1;
    }
  }

  burstlab.startControls = () => {
    const { contents, state } = burstlab;
    by("modes").append(...Object.entries(burstlab.MODES).map(modeButton));
    fill(by("reference"), contents.labels.map((label) => [label, label]), state.reference);
    by("reference").addEventListener("change", (event) => burstlab.set({ reference: event.target.value }, "shown"));
    by("zoom-in").addEventListener("click", () => burstlab.zoomBy(1, burstlab.canvas()));
    by("zoom-out").addEventListener("click", () => burstlab.zoomBy(-1, burstlab.canvas()));
    by("zoom-fit").addEventListener("click", burstlab.fit);
    by("zoom-one").addEventListener("click", () => burstlab.zoomTo(1, burstlab.canvas()));
    by("save").addEventListener("click", burstlab.save);
    by("skip").addEventListener("click", (event) => {
      event.preventDefault(); // the fragment belongs to the view
      by("stage").focus();
    });
    burstlab.listen(() => {
      showModes();
      showOptions();
      by("reference").value = state.reference;
    });
  };
})();
