"use strict";
// The whole view as the fragment of the address, so that a link shows it to others.
(() => {
  let written = null;

  burstlab.fragment = () => {
    const { state, contents } = burstlab;
    const fields = new URLSearchParams();
    fields.set("burst", burstlab.entry().name);
    state.shown.forEach((label) => fields.append("show", label));
    fields.set("selected", state.selected);
    if (state.reference !== contents.labels[0]) fields.set("reference", state.reference);
    fields.set("mode", state.mode);
    if (state.single) fields.set("single", "1");
    if (state.zoom !== null) {
      fields.set("zoom", String(state.zoom));
      fields.set("at", state.centre.map((value) => value.toFixed(5)).join(","));
    }
    if (state.mode === "slider") fields.set("split", state.split.toFixed(3));
    if (state.mode === "flicker") fields.set("rate", state.rate);
    if (state.mode === "difference") {
      fields.set("gain", state.gain);
      fields.set("space", state.space);
      if (state.signed) fields.set("signed", "1");
    }
    const { by, metric, first, second, descending } = state.sort;
    if (by !== "order" || descending) {
      fields.set("sort", [by, metric ?? "", descending ? "descending" : "ascending"].join(","));
      if (first) fields.set("of", first);
      if (second) fields.set("minus", second);
    }
    if (state.find) fields.set("find", state.find);
    state.marked.forEach((name) => fields.append("mark", name));
    if (state.onlyMarked) fields.set("only", "marked");
    return `#${fields}`;
  };

  // Takes over what the fragment says; what it does not say, or says wrongly, stays as it is.
  burstlab.readFragment = (text) => {
    const { state, contents } = burstlab;
    const fields = new URLSearchParams(text.replace(/^#/, ""));
    const known = (name, among) => (among.includes(fields.get(name)) ? fields.get(name) : null);
    const number = (name, low, high) => {
      const value = Number.parseFloat(fields.get(name));
      return Number.isFinite(value) ? Math.min(Math.max(value, low), high) : null;
    };
    const burst = contents.bursts.findIndex((one) => one.name === fields.get("burst"));
    if (burst >= 0) state.burst = burst;
    state.mode = known("mode", Object.keys(burstlab.MODES)) ?? state.mode;
    state.single = fields.get("single") === "1";
    state.zoom = number("zoom", ...burstlab.ZOOM_RANGE);
    const at = (fields.get("at") ?? "").split(",").map(Number);
    if (at.length === 2 && at.every(Number.isFinite)) state.centre = at.map((v) => Math.min(Math.max(v, 0), 1));
    state.split = number("split", 0, 1) ?? state.split;
    state.rate = number("rate", 0.5, burstlab.FASTEST) ?? state.rate;
    state.gain = number("gain", 1, 64) ?? state.gain;
    state.space = known("space", ["picture", "values"]) ?? state.space;
    state.signed = fields.get("signed") === "1";
    state.reference = known("reference", contents.labels) ?? state.reference;
    const [by, metric, direction] = (fields.get("sort") ?? "").split(",");
    if (Object.keys(burstlab.ORDERS).includes(by)) {
      state.sort.by = by;
      state.sort.descending = direction === "descending";
      if (contents.metrics.some(({ key }) => key === metric)) state.sort.metric = metric;
      state.sort.first = known("of", contents.labels) ?? state.sort.first;
      state.sort.second = known("minus", contents.labels) ?? state.sort.second;
    }
    state.find = fields.get("find") ?? "";
    state.marked = new Set(fields.getAll("mark"));
    state.onlyMarked = fields.get("only") === "marked";
    const selected = known("selected", contents.labels);
    if (selected) state.selected = selected;
    burstlab.show(fields.has("show") ? fields.getAll("show") : state.shown);
    burstlab.changed("burst", "shown", "view", "order", "marks");
  };

  burstlab.listen((parts) => {
    const passing = burstlab.state.playing ? ["pixels", "pointer", "selected"] : ["pixels", "pointer"];
    if ([...parts].every((part) => passing.includes(part))) return;
    // Browsers allow a hundred or so changes of the address in half a minute.
    clearTimeout(burstlab.fragment.timer);
    burstlab.fragment.timer = setTimeout(burstlab.writeFragment, 300);
  });

  burstlab.writeFragment = () => {
    const text = burstlab.fragment();
    if (text === location.hash) return;
    written = text;
    history.replaceState(null, "", text);
  };

  addEventListener("hashchange", () => {
    if (location.hash !== written && location.hash !== "#stage") burstlab.readFragment(location.hash);
  });
})();
