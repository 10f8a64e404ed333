"use strict";
// The fields above the list that say its order.
(() => {
  const { by } = burstlab;
  const FIELDS = { "sort-by": "by", "sort-metric": "metric", "sort-first": "first", "sort-second": "second" };

  function show() {
    const { sort, find, onlyMarked } = burstlab.state;
    for (const [id, field] of Object.entries(FIELDS)) by(id).value = sort[field];
    const scored = sort.by === "score" || sort.by === "gap";
    by("sort-metric-field").hidden = by("sort-first-field").hidden = !scored;
    by("sort-second-field").hidden = sort.by !== "gap";
    by("sort-direction").setAttribute("aria-pressed", sort.descending);
    by("sort-direction").textContent = sort.descending ? "descending" : "ascending";
    if (by("find").value !== find) by("find").value = find;
    by("only-marked").checked = onlyMarked;
  }

  burstlab.sortBy = (changes) => {
    Object.assign(burstlab.state.sort, changes);
    burstlab.changed("order");
  };

  burstlab.startSorting = () => {
    const { contents } = burstlab;
    const scored = contents.labels.filter((label) => contents.bursts.some((burst) =>
      contents.metrics.some(({ key }) => burstlab.score(burst, label, key) !== null)));
    const noise = contents.bursts.some((burst) => burst.noise !== null);
    const possible = { score: scored.length > 0, gap: scored.length > 1, noise };
    const orders = Object.entries(burstlab.ORDERS).filter(([key]) => possible[key] ?? true);
    burstlab.fill(by("sort-by"), orders, "order");
    burstlab.fill(by("sort-metric"), contents.metrics.map(({ key, label }) => [key, label]), null);
    for (const id of ["sort-first", "sort-second"]) burstlab.fill(by(id), scored.map((label) => [label, label]), null);
    Object.assign(burstlab.state.sort, {
      metric: contents.metrics[0]?.key ?? null, first: scored.at(-1) ?? null, second: scored.at(-2) ?? null,
    });
    for (const [id, field] of Object.entries(FIELDS)) {
      by(id).addEventListener("change", (event) => burstlab.sortBy({ [field]: event.target.value }));
    }
    by("sort-direction").addEventListener("click", () => burstlab.sortBy({ descending: !burstlab.state.sort.descending }));
    by("find").addEventListener("input", (event) => burstlab.set({ find: event.target.value }, "order"));
    by("only-marked").addEventListener("change", (event) => burstlab.set({ onlyMarked: event.target.checked }, "order"));
    by("sorting").addEventListener("submit", (event) => event.preventDefault());
    burstlab.listen((parts) => { if (parts.has("order")) show(); });
  };
})();
