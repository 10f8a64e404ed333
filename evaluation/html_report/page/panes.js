"use strict";
// The pictures: one pane per image, all with the same view.
(() => {
  const LARGEST_AHEAD = 2e6; // pixels of an image that is loaded before it is looked at
  const panes = []; // { root, title, canvas, label }, kept and used again
  const { by, element } = burstlab;

  // What the panes show now: labels, in order.
  burstlab.paneLabels = () => {
    const { mode, single, shown, selected, reference } = burstlab.state;
    if (mode === "slider" || mode === "flicker") return [selected];
    const labels = mode === "difference" ? shown.filter((label) => label !== reference) : shown;
    if (!single) return labels;
    return labels.includes(selected) ? [selected] : [labels[0]];
  };

  burstlab.panes = () => panes.filter((pane) => !pane.root.hidden);

  // The canvas by which keys and buttons zoom: all are of one size.
  burstlab.canvas = () => panes[0].canvas;

  function makePane() {
    const title = element("div", { className: "pane-title" });
    const canvas = element("canvas", { role: "img" });
    const root = element("div", { className: "pane" }, title, canvas);
    by("stage").append(root);
    const pane = { root, title, canvas, label: null };
    canvas.pane = pane;
    panes.push(pane);
  }

  function arrange() {
    const labels = burstlab.paneLabels();
    while (panes.length < labels.length) makePane();
    panes.forEach((pane, i) => {
      pane.root.hidden = i >= labels.length;
      pane.label = labels[i] ?? null;
      pane.root.classList.toggle("selected", labels.length > 1 && pane.label === burstlab.state.selected);
    });
    const stage = by("stage");
    const columns = bestColumns(labels.length, stage.clientWidth, stage.clientHeight);
    stage.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
    stage.style.gridTemplateRows = `repeat(${Math.ceil(labels.length / columns)}, minmax(0, 1fr))`;
    burstlab.columns = columns;
  }

  // So many columns that the images are seen as large as can be.
  function bestColumns(count, width, height) {
    const frame = burstlab.frame();
    const size = (columns) =>
      Math.min(width / columns / frame.width, (height / Math.ceil(count / columns) - 26) / frame.height);
    let best = 1;
    for (let columns = 2; columns <= count; columns++) if (size(columns) > size(best)) best = columns;
    return best;
  }

  function resize() {
    for (const { canvas, root } of burstlab.panes()) {
      const ratio = devicePixelRatio || 1;
      const width = Math.max(1, Math.round(root.clientWidth * ratio));
      const height = Math.max(1, Math.round((root.clientHeight - root.firstChild.offsetHeight) * ratio));
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      canvas.style.width = `${width / ratio}px`;
      canvas.style.height = `${height / ratio}px`;
    }
  }

  function draw(pane) {
    const context = pane.canvas.getContext("2d", { alpha: false });
    context.fillStyle = getComputedStyle(pane.root).backgroundColor;
    context.fillRect(0, 0, pane.canvas.width, pane.canvas.height);
    const image = burstlab.labelled(pane.label);
    const words = image ? burstlab[burstlab.state.mode === "difference" ? "drawDifference" : "drawPlain"](context, image)
      : "this burst has no such result";
    if (burstlab.state.mode === "slider") burstlab.drawSlider(context, pane);
    drawProbe(context);
    const left = burstlab.state.mode === "slider" ? [...titleOf(burstlab.state.reference), element("span", { className: "push" })] : [];
    pane.title.replaceChildren(...left, ...titleOf(pane.label, words));
    const place = burstlab.visible(pane.canvas);
    pane.canvas.setAttribute("aria-label", `${pane.label}, ${burstlab.entry().name}, ${burstlab.zoomText()}`
      + (place ? `, columns ${place.left} to ${place.right - 1}, rows ${place.top} to ${place.bottom - 1}` : ""));
  }

  // The name, the leading score, and what else there is to say.
  function titleOf(label, words) {
    const [metric] = burstlab.contents.metrics;
    const score = metric ? burstlab.score(burstlab.entry(), label, metric.key) : null;
    const parts = [element("span", { className: "name" }, label)];
    if (score !== null) parts.push(element("span", { className: "value" }, `${metric.label} ${burstlab.number(score, metric.decimals)}`));
    if (words) parts.push(element("span", { className: "note" }, words));
    return parts;
  }

  burstlab.drawPlain = (context, image) => {
    burstlab.drawImage(context, image.canvas, image);
    burstlab.drawNumbers(context, image);
    return image.error ?? (image.complete ? null : "loading");
  };

  burstlab.drawDifference = (context, image) => {
    const reference = burstlab.labelled(burstlab.state.reference);
    if (!reference) return "the reference is not there";
    const canvas = burstlab.difference(image, reference);
    if (!canvas) return `does not compare with ${reference.label} pixel by pixel`;
    burstlab.drawImage(context, canvas, image);
    return `minus ${reference.label}, × ${burstlab.state.gain}`;
  };

  // Draws what is seen of an image of that size; whole screen pixels per image pixel stay sharp squares.
  burstlab.drawImage = (context, source, { width, height }) => {
    const { zoom, left, top, frameWidth, frameHeight } = burstlab.placement(context.canvas);
    const seen = burstlab.visible(context.canvas);
    if (!seen) return;
    const [across, down] = [frameWidth / width, frameHeight / height];
    const [x0, y0] = [Math.floor(seen.left / across), Math.floor(seen.top / down)];
    const [x1, y1] = [Math.ceil(seen.right / across), Math.ceil(seen.bottom / down)];
    context.imageSmoothingEnabled = zoom * Math.min(across, down) < 1;
    context.imageSmoothingQuality = "high";
    context.drawImage(source, x0, y0, x1 - x0, y1 - y0, left + x0 * across * zoom, top + y0 * down * zoom,
      (x1 - x0) * across * zoom, (y1 - y0) * down * zoom);
  };

  // Where the pixel figures come from: under the mouse, or the middle of the view.
  burstlab.probe = () => {
    if (burstlab.state.pointer) return burstlab.state.pointer;
    const canvas = burstlab.canvas();
    return burstlab.pixelAt(canvas, canvas.width / 2, canvas.height / 2);
  };

  function drawProbe(context) {
    const { pointer, byKeys } = burstlab.state;
    const at = pointer ?? (byKeys ? burstlab.probe() : null);
    if (!at) return;
    const { zoom, left, top } = burstlab.placement(context.canvas);
    const side = Math.max(zoom, 7);
    const x = Math.round(left + (at[0] + 0.5) * zoom - side / 2);
    const y = Math.round(top + (at[1] + 0.5) * zoom - side / 2);
    for (const [colour, out] of [["#000", 1.5], ["#fff", 0.5]]) {
      context.strokeStyle = colour;
      context.lineWidth = 1;
      context.strokeRect(x - out, y - out, side + 2 * out, side + 2 * out);
    }
  }

  burstlab.zoomText = () => {
    const { zoom } = burstlab.placement(burstlab.canvas());
    return `${Math.round(zoom * 100)} %${burstlab.state.zoom === null ? " (fit)" : ""}`;
  };

  burstlab.number = (value, decimals) =>
    (value === null || value === undefined ? "–" : Number.isFinite(value) ? value.toFixed(decimals) : value > 0 ? "∞" : "−∞");

  burstlab.startPanes = () => {
    makePane();
    new ResizeObserver(() => burstlab.changed("view")).observe(by("stage"));
    burstlab.listen(() => {
      arrange();
      resize();
      burstlab.panes().forEach(draw);
      by("zoom").textContent = burstlab.zoomText();
    });
    burstlab.listen((parts) => {
      if (parts.has("burst")) loadAhead();
    });
  };

  // The next burst of the list is loaded while this one is looked at.
  function loadAhead() {
    const { state, contents } = burstlab;
    const list = burstlab.ordered();
    const next = list[list.indexOf(state.burst) + 1];
    burstlab.dropOthers([state.burst, next]);
    clearTimeout(loadAhead.timer);
    loadAhead.timer = setTimeout(() => {
      contents.bursts[next]?.images.forEach(({ label, width, height }, number) => {
        if (state.shown.includes(label) && width * height <= LARGEST_AHEAD) burstlab.image(next, number);
      });
    }, 250);
  }
})();
