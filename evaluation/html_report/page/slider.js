"use strict";
// The slider view: the reference to the left of a line that can be moved, another result to its right.
(() => {
  const { by, element } = burstlab;
  let handle = null;

  burstlab.drawSlider = (context, pane) => {
    const { reference, split } = burstlab.state;
    const image = burstlab.labelled(reference);
    const x = Math.round(split * context.canvas.width);
    if (image) {
      context.save();
      context.beginPath();
      context.rect(0, 0, x, context.canvas.height);
      context.clip();
      context.fillStyle = getComputedStyle(pane.root).backgroundColor;
      context.fillRect(0, 0, x, context.canvas.height);
      burstlab.drawPlain(context, image);
      context.restore();
    }
    context.fillStyle = "#000";
    context.fillRect(x - 2, 0, 4, context.canvas.height);
    context.fillStyle = "#fff";
    context.fillRect(x - 1, 0, 2, context.canvas.height);
    pane.root.append(handle);
    handle.style.left = `${split * 100}%`;
    handle.setAttribute("aria-valuenow", Math.round(split * 100));
    handle.setAttribute("aria-valuetext", `${reference} left of ${Math.round(split * 100)} %, ${pane.label} right of it`);
  };

  burstlab.moveSplit = (split) => burstlab.set({ split: Math.min(Math.max(split, 0), 1) }, "view");

  burstlab.startSlider = () => {
    handle = element("div", {
      className: "handle", tabIndex: 0, role: "slider", "aria-label": "Border between the two images",
      "aria-valuemin": 0, "aria-valuemax": 100, "aria-orientation": "horizontal",
    }, "⇔");
    handle.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.1, PageUp: 0.1 }[event.key];
      const end = { Home: 0, End: 1 }[event.key];
      if (event.shiftKey || (step === undefined && end === undefined)) return;
      burstlab.moveSplit(end ?? burstlab.state.split + step);
      event.preventDefault();
      event.stopPropagation();
    });
    handle.addEventListener("pointerdown", (event) => {
      handle.setPointerCapture(event.pointerId);
      event.stopPropagation();
    });
    handle.addEventListener("pointermove", (event) => {
      if (!handle.hasPointerCapture(event.pointerId)) return;
      const box = by("stage").querySelector("canvas").getBoundingClientRect();
      burstlab.moveSplit((event.clientX - box.left) / box.width);
    });
    burstlab.listen(() => {
      const slides = burstlab.state.mode === "slider";
      if (!slides) handle.remove();
    });
  };

  // Two different images: where the reference is chosen itself, the next one stands to its right.
  burstlab.listen(() => {
    const { state } = burstlab;
    if (state.mode !== "slider" || state.selected !== state.reference) return;
    burstlab.step(1, [state.reference, ...state.shown.filter((label) => label !== state.reference)]);
  });
})();
