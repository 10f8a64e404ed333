"use strict";
// Figures beside the pictures: of the burst, of the zoomed region, of a pixel.
(() => {
  const { by, element, number } = burstlab;
  const cell = (text, className) => element("td", { className }, text);

  function body(id, headings, rows) {
    const table = by(id);
    table.tHead?.remove();
    [...table.tBodies].forEach((part) => part.remove());
    const head = headings.map(([text, title]) => element("th", { scope: "col", title }, text));
    table.append(element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows));
  }

  // Results by row, with a box that shows or hides them; the best score of a column is emphasised.
  function showScores() {
    const { contents, state } = burstlab;
    const burst = burstlab.entry();
    const best = new Map(contents.metrics.map(({ key, higherIsBetter }) => {
      const values = burst.images.map(({ scores }) => scores[key]).filter((value) => value !== undefined);
      return [key, higherIsBetter ? Math.max(...values) : Math.min(...values)];
    }));
    const rows = contents.labels.map((label, index) => {
      const box = element("input", { type: "checkbox", checked: state.shown.includes(label), id: `show-${index}` });
      box.addEventListener("change", () => {
        burstlab.toggle(label);
        box.checked = state.shown.includes(label);
      });
      const key = index < 9 ? element("kbd", { "aria-hidden": "true" }, String(index + 1)) : "";
      const scores = contents.metrics.map(({ key: metric, decimals }) => {
        const value = burstlab.score(burst, label, metric);
        return cell(number(value, decimals), value !== null && value === best.get(metric) ? "best" : null);
      });
      const name = element("th", { scope: "row" }, element("label", { htmlFor: `show-${index}` }, key, box, label));
      return element("tr", { className: label === state.selected ? "chosen" : null }, name, ...scores);
    });
    const focused = document.activeElement?.id;
    body("scores", [["result"], ...contents.metrics.map((metric) => [metric.label, metric.protocol])], rows);
    if (focused?.startsWith("show-")) by(focused)?.focus();
  }

  function showFacts() {
    const burst = burstlab.entry();
    by("burst-name").textContent = burst.name;
    const numbers = Object.entries(burst.properties).map(([name, value]) => [name, String(Number(value.toPrecision(4)))]);
    const facts = [...(burst.scene && burst.scene !== burst.name ? [["scene", burst.scene]] : []), ...numbers, ...Object.entries(burst.meta)];
    by("facts").replaceChildren(...facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
  }

  function showRegion() {
    const { state } = burstlab;
    const region = burstlab.visible(burstlab.canvas());
    by("region-place").textContent = region
      ? `columns ${region.left}–${region.right - 1}, rows ${region.top}–${region.bottom - 1}` : "outside of the image";
    const reference = burstlab.labelled(state.reference);
    const measured = [];
    const rows = state.shown.map((label) => {
      const image = burstlab.labelled(label);
      const ready = region && image?.complete && reference?.complete && label !== state.reference;
      const ratio = ready ? burstlab.measure(image, reference, region) : null;
      const similarity = cell(ready ? "…" : "–");
      if (ready) measured.push([similarity, image]);
      return element("tr", {}, element("th", { scope: "row" }, label),
        cell(number(ratio?.picture, 2)), similarity, cell(number(ratio?.values, 2)));
    });
    const headings = [
      [`to ${state.reference}`],
      ["PSNR (dB)", "of the colours as displayed, 8 bit; no border is left out"],
      ["SSIM", "of the colours as displayed; regions of 11 × 11 pixels to half a million"],
      ["16-bit PSNR", `${burstlab.contents.space}; ${burstlab.contents.fullScale} stands for 1`],
    ];
    body("region", headings, rows);
    // One after the other, so that the page answers in between.
    clearTimeout(showRegion.timer);
    const next = () => {
      const [target, image] = measured.shift() ?? [];
      if (!target) {
        burstlab.measuring = false;
        return;
      }
      target.textContent = number(burstlab.similarity(image, reference, region), 4);
      showRegion.timer = setTimeout(next);
    };
    showRegion.timer = setTimeout(next);
  }

  function showPixel() {
    const at = burstlab.probe();
    by("pixel-place").textContent = at ? `column ${at[0]}, row ${at[1]}` : "–";
    const frame = burstlab.frame();
    let most = 1;
    const rows = burstlab.state.shown.map((label) => {
      const image = burstlab.labelled(label);
      const values = image && at ? pixelValues(image, at, frame) : [];
      most = Math.max(most, image?.channels ?? 1);
      return element("tr", {}, element("th", { scope: "row" }, label), ...values.map((value) => cell(value === null ? "…" : String(value))));
    });
    body("pixel", [["16-bit values"], ...(most === 1 ? ["grey"] : ["R", "G", "B"]).map((name) => [name])], rows);
  }

  function pixelValues({ values, picture, width, height, channels }, [x, y], frame) {
    const column = Math.floor((x * width) / frame.width);
    const row = Math.floor((y * height) / frame.height);
    const at = row * width + column;
    const loaded = picture[4 * at + 3] === 255;
    return Array.from({ length: channels }, (_, channel) => (loaded ? values[at * channels + channel] : null));
  }

  // The region is measured when the view has come to rest.
  function measureSoon() {
    burstlab.measuring = true;
    clearTimeout(measureSoon.timer);
    measureSoon.timer = setTimeout(showRegion, 50);
  }

  burstlab.startInspector = () => {
    const { space, fullScale, border } = burstlab.contents;
    by("protocol").textContent = `Values: ${space}; ${fullScale} stands for 1.`
      + (burstlab.contents.pixelsCompare ? "" : " Pixels of results and ground truth do not compare: scores align them first.")
      + (border ? ` Scores leave out ${border} pixels at each side.` : "");
    burstlab.listen((parts) => {
      const has = (...names) => names.some((name) => parts.has(name));
      if (has("burst")) showFacts();
      if (has("burst", "shown", "selected")) showScores();
      if (has("burst", "shown", "view", "pixels")) measureSoon();
      if (has("burst", "shown", "view", "pixels", "pointer")) showPixel();
    });
  };
})();
