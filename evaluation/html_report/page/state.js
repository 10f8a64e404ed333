"use strict";
// What is shown, in one object; whoever changes it says so, and whoever shows it listens.
(() => {
  const listeners = [];
  let pending = null;

  burstlab.MODES = { side: "Side by side", slider: "Slider", flicker: "Flicker", difference: "Difference" };
  burstlab.MOST = 6;
  burstlab.LEAST = 2;

  burstlab.state = {
    burst: 0, // index into contents.bursts
    shown: [], // labels, in the order of contents.labels
    selected: null, // label: the chosen pane, and the one image of the views that show one
    reference: null, // label
    mode: "side",
    single: false, // one image instead of all
    centre: [0.5, 0.5], // of the view, in widths and heights of the image
    zoom: null, // pixels of the screen per pixel of the image; null: all of it fits
    split: 0.5, // place of the slider
    playing: false,
    rate: 2, // images per second
    gain: 8, // of differences
    signed: false,
    space: "picture", // of differences: "picture" or "values"
    sort: { by: "order", metric: null, first: null, second: null, descending: false },
    find: "",
    marked: new Set(), // names
    onlyMarked: false,
    pointer: null, // [x, y] of the image under the mouse
  };

  burstlab.listen = (listener) => listeners.push(listener);

  // `what`: "burst", "shown", "selected", "view", "order", "marks", "pixels", "pointer". Shown together in the next
  // frame.
  burstlab.changed = (...what) => {
    if (pending === null) {
      pending = new Set();
      requestAnimationFrame(burstlab.showChanges);
    }
    what.forEach((part) => pending.add(part));
  };

  burstlab.showChanges = () => {
    const parts = pending ?? new Set();
    pending = null;
    listeners.forEach((listener) => listener(parts));
  };

  burstlab.entry = () => burstlab.contents.bursts[burstlab.state.burst];

  // The image of the shown burst that bears a label, or null where the burst has none.
  burstlab.labelled = (label) => {
    const number = burstlab.entry().images.findIndex((image) => image.label === label);
    return number < 0 ? null : burstlab.image(burstlab.state.burst, number);
  };

  burstlab.goTo = (burst) => {
    if (burst === burstlab.state.burst || !burstlab.contents.bursts[burst]) return;
    burstlab.state.burst = burst;
    burstlab.state.pointer = null;
    burstlab.changed("burst");
    burstlab.say(burstlab.entry().name);
  };

  // Show or hide a result; two to six stay.
  burstlab.toggle = (label) => {
    const { state } = burstlab;
    const has = state.shown.includes(label);
    if (has && state.shown.length <= burstlab.LEAST) return burstlab.say(`At least ${burstlab.LEAST} results are shown`);
    if (!has && state.shown.length >= burstlab.MOST) return burstlab.say(`At most ${burstlab.MOST} results are shown`);
    burstlab.show(has ? state.shown.filter((other) => other !== label) : [...state.shown, label]);
  };

  burstlab.show = (labels) => {
    const { state, contents } = burstlab;
    state.shown = contents.labels.filter((label) => labels.includes(label)).slice(0, burstlab.MOST);
    for (const label of contents.labels) {
      if (state.shown.length >= Math.min(burstlab.LEAST, contents.labels.length)) break;
      if (!state.shown.includes(label)) state.shown = contents.labels.filter((l) => l === label || state.shown.includes(l));
    }
    if (!state.shown.includes(state.selected)) state.selected = state.shown[0];
    burstlab.changed("shown");
  };

  // Another of the shown results: `step` further, from the last one on to the first.
  burstlab.step = (step, among = burstlab.state.shown) => {
    const at = among.indexOf(burstlab.state.selected);
    burstlab.select(among[(Math.max(at, 0) + step + among.length) % among.length]);
  };

  burstlab.select = (label) => {
    if (label === burstlab.state.selected) return;
    burstlab.state.selected = label;
    burstlab.changed("selected");
  };

  burstlab.set = (changes, ...what) => {
    Object.assign(burstlab.state, changes);
    burstlab.changed(...what);
  };
})();
