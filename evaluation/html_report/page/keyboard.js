"use strict";
// The keys: those of the viewer window, and a few more.
(() => {
  const { by } = burstlab;
  burstlab.MODE_KEYS = { side: "g", slider: "x", flicker: "f", difference: "e" };

  function space() {
    const { state } = burstlab;
    if (state.mode === "flicker") burstlab.play();
    else burstlab.set({ single: !state.single }, "view");
  }

  // The next image; where the reference has a place of its own, only the others.
  function sideways(step) {
    const { mode, shown, reference } = burstlab.state;
    const apart = mode === "slider" || mode === "difference";
    burstlab.step(step, apart ? shown.filter((label) => label !== reference) : shown);
  }

  function upOrDown(step) {
    const labels = burstlab.panes().length > 1 ? burstlab.paneLabels() : burstlab.state.shown;
    const at = Math.max(labels.indexOf(burstlab.state.selected), 0) + step * (burstlab.panes().length > 1 ? burstlab.columns : 1);
    if (labels[at] !== undefined) burstlab.select(labels[at]);
  }

  function move(across, down) {
    const canvas = burstlab.canvas();
    const { zoom } = burstlab.placement(canvas);
    const step = Math.max(Math.round(canvas.width / 10 / zoom), 1) * zoom; // whole pixels of the image
    burstlab.set({ pointer: null, byKeys: true }, "pointer");
    burstlab.moveBy(across * step, down * step, canvas);
  }

  // Key, its other names, what it does; `window`: it is also a key of the viewer window.
  burstlab.KEYS = [
    { keys: ["n"], text: "next burst", window: true, run: () => burstlab.stepBurst(1) },
    { keys: ["b", "N"], text: "previous burst", window: true, run: () => burstlab.stepBurst(-1) },
    { keys: ["y"], text: "mark the burst, or unmark it", window: true, run: () => burstlab.mark() },
    { keys: ["q"], text: "leave the pictures: to the list of bursts", window: true, run: () => by("bursts").focus() },
    { keys: [" "], text: "all images or one image; in the flicker view: play or pause", window: true, run: space },
    { keys: ["d", "ArrowRight"], text: "next image", window: true, run: () => sideways(1) },
    { keys: ["a", "ArrowLeft"], text: "previous image", window: true, run: () => sideways(-1) },
    { keys: ["w", "ArrowUp"], text: "image above", window: true, run: () => upOrDown(-1) },
    { keys: ["s", "ArrowDown"], text: "image below", window: true, run: () => upOrDown(1) },
    { keys: ["r", "0"], text: "forget the region: show the whole image", window: true, run: () => burstlab.fit() },
    { keys: ["p"], text: "save what is seen as PNG", window: true, run: () => burstlab.save() },
    ...Object.entries(burstlab.MODE_KEYS).map(([mode, key]) => (
      { keys: [key], text: `view: ${burstlab.MODES[mode].toLowerCase()}`, run: () => burstlab.setMode(mode) })),
    { keys: ["+", "="], text: "zoom in", run: () => burstlab.zoomBy(1, burstlab.canvas()) },
    { keys: ["-"], text: "zoom out", run: () => burstlab.zoomBy(-1, burstlab.canvas()) },
    { keys: ["o"], text: "1:1, one pixel of the screen per pixel", run: () => burstlab.zoomTo(1, burstlab.canvas()) },
    { keys: ["Shift+ArrowLeft", "Shift+ArrowRight", "Shift+ArrowUp", "Shift+ArrowDown"], text: "move the view" },
    { keys: ["1", "…", "9"], text: "show or hide a result" },
    { keys: ["["], text: "slider to the left", run: () => burstlab.moveSplit(burstlab.state.split - 0.05) },
    { keys: ["]"], text: "slider to the right", run: () => burstlab.moveSplit(burstlab.state.split + 0.05) },
    { keys: ["/"], text: "find a burst by its name", run: () => by("find").focus() },
    { keys: ["?", "h"], text: "these keys", run: () => burstlab.openHelp() },
  ];

  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  // Fields keep the keys that they need themselves.
  function belongsToField(event) {
    const { target, key } = event;
    if (target.closest("dialog")) return true;
    if (target.matches("input[type=search]")) return key !== "Escape";
    if (target.matches("select")) return true;
    if (target.matches("button, input, a")) return key === " " || key === "Enter";
    return false;
  }

  function press(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    if (event.key === "Escape" && event.target.matches("input, select")) return by("stage").focus();
    if (belongsToField(event) || !burstlab.keysAreOn()) return;
    const done = event.shiftKey && MOVES[event.key] ? move : digit(event.key) ?? command(event.key);
    if (!done) return;
    event.preventDefault();
    done(...(MOVES[event.key] ?? []));
  }

  function digit(key) {
    const label = /^[1-9]$/.test(key) ? burstlab.contents.labels[Number(key) - 1] : undefined;
    return label === undefined ? undefined : () => burstlab.toggle(label);
  }

  const command = (key) => {
    const found = burstlab.KEYS.find(({ keys, run }) => run && keys.includes(key));
    return found && (() => found.run());
  };

  burstlab.startKeyboard = () => document.addEventListener("keydown", press);
})();
