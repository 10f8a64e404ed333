"use strict";
// The list of bursts. Only the rows that are seen exist, so thousands of bursts cost no more than ten.
(() => {
  const { by, element } = burstlab;
  const ROW = 62; // pixels, as in style.css
  const rows = new Map(); // place in the list → element
  let list = [];

  function keyText(index) {
    const { contents, state } = burstlab;
    const burst = contents.bursts[index];
    const { by: order, metric, first, second } = state.sort;
    const known = contents.metrics.find(({ key }) => key === metric);
    if (known && (order === "score" || order === "gap")) {
      const value = burstlab.sortKey(burst, index, { by: order, metric, first, second });
      const sign = order === "gap" && value > 0 ? "+" : "";
      return `${known.label.replace(/ \(.*/, "")} ${sign}${burstlab.number(value, known.decimals)}`; // without its unit
    }
    return burst.noise === null ? "" : `noise ${Number(burst.noise.toPrecision(3))}`;
  }

  function makeRow(place) {
    const index = list[place];
    const burst = burstlab.contents.bursts[index];
    const marked = burstlab.state.marked.has(burst.name);
    const [, folder, name] = burst.name.match(/^(?:(.*)\/)?([^]*)$/);
    const row = element("div", {
      className: "burst", role: "option", id: `burst-${index}`,
      title: burst.name, "aria-setsize": list.length, "aria-posinset": place + 1, "aria-selected": index === burstlab.state.burst,
    },
    element("img", { src: `data/${String(index).padStart(4, "0")}/thumbnail.jpg`, alt: "", width: 64, height: 48, decoding: "async" }),
    element("span", { className: "name" }, name),
    element("span", { className: "value" }, [keyText(index), folder].filter(Boolean).join(" · ")),
    element("span", { className: "mark", "aria-label": marked ? "marked" : null }, marked ? "★" : ""));
    row.style.top = `${place * ROW}px`;
    row.addEventListener("click", () => burstlab.goTo(index));
    return row;
  }

  function showRows() {
    const box = by("bursts");
    const first = Math.max(0, Math.floor(box.scrollTop / ROW) - 4);
    const last = Math.min(list.length, Math.ceil((box.scrollTop + box.clientHeight) / ROW) + 4);
    for (const [place, row] of rows) {
      if (place >= first && place < last) continue;
      row.remove();
      rows.delete(place);
    }
    for (let place = first; place < last; place++) {
      if (rows.has(place)) continue;
      const row = makeRow(place);
      rows.set(place, row);
      by("bursts-content").append(row);
    }
  }

  // What stands in the rows has changed.
  function rebuild() {
    list = burstlab.ordered();
    rows.forEach((row) => row.remove());
    rows.clear();
    by("bursts-content").style.height = `${list.length * ROW}px`;
    const all = burstlab.contents.bursts.length;
    by("count").textContent = list.length === all ? `${all} bursts` : `${list.length} of ${all} bursts`;
  }

  function scrollToChosen() {
    const box = by("bursts");
    const place = list.indexOf(burstlab.state.burst);
    if (place < 0) return box.removeAttribute("aria-activedescendant");
    if (place * ROW < box.scrollTop) box.scrollTop = place * ROW;
    if ((place + 1) * ROW > box.scrollTop + box.clientHeight) box.scrollTop = (place + 1) * ROW - box.clientHeight;
    box.setAttribute("aria-activedescendant", `burst-${burstlab.state.burst}`);
  }

  // The burst so many places further in the list; from the last one on to the first.
  burstlab.stepBurst = (step) => {
    if (!list.length) return;
    const at = list.indexOf(burstlab.state.burst);
    burstlab.goTo(list[at < 0 ? 0 : (at + step + list.length) % list.length]);
  };

  burstlab.mark = () => {
    const { marked } = burstlab.state;
    const { name } = burstlab.entry();
    if (!marked.delete(name)) marked.add(name);
    burstlab.changed("marks");
    burstlab.say(marked.has(name) ? `${name} is marked` : `${name} is no longer marked`);
  };

  function listKeys(event) {
    const page = Math.max(1, Math.floor(by("bursts").clientHeight / ROW) - 1);
    const at = Math.max(list.indexOf(burstlab.state.burst), 0);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: list.length - 1 }[event.key];
    if (to === undefined || event.shiftKey) return;
    burstlab.goTo(list[Math.min(Math.max(to, 0), list.length - 1)]);
    event.preventDefault();
    event.stopPropagation();
  }

  burstlab.startBurstList = () => {
    by("bursts").addEventListener("scroll", showRows, { passive: true });
    by("bursts").addEventListener("keydown", listKeys);
    new ResizeObserver(showRows).observe(by("bursts"));
    burstlab.listen((parts) => {
      const anew = parts.has("order") || parts.has("marks");
      if (anew) rebuild();
      if (anew || parts.has("burst")) {
        scrollToChosen();
        showRows();
        rows.forEach((row, place) => row.setAttribute("aria-selected", list[place] === burstlab.state.burst));
      }
    });
  };
})();
