"use strict";
// In which order bursts are listed, and which of them.
(() => {
  burstlab.ORDERS = {
    order: "data set",
    name: "name",
    score: "score",
    gap: "gap between two",
    noise: "noise level",
  };

  burstlab.score = (burst, label, metric) => {
    const value = burst.images.find((image) => image.label === label)?.scores[metric];
    return value === undefined ? null : value;
  };

  // What a burst is sorted by: a number, a text, or null where it is not known.
  burstlab.sortKey = (burst, index, { by, metric, first, second }) => {
    if (by === "name") return burst.name;
    if (by === "noise") return burst.noise;
    if (by === "order") return index;
    const one = burstlab.score(burst, first, metric);
    if (by === "score") return one;
    const other = burstlab.score(burst, second, metric);
    if (one === null || other === null) return null;
    return one === other ? 0 : one - other; // both may be infinite
  };

  // Indices of the bursts to list; those whose key is not known stand last in either direction.
  burstlab.ordered = () => {
    const { contents, state } = burstlab;
    const wanted = state.find.trim().toLowerCase();
    const keyed = contents.bursts
      .map((burst, index) => ({ index, name: burst.name, key: burstlab.sortKey(burst, index, state.sort) }))
      .filter(({ name }) => name.toLowerCase().includes(wanted))
      .filter(({ name }) => !state.onlyMarked || state.marked.has(name));
    const sign = state.sort.descending ? -1 : 1;
    const collator = new Intl.Collator("en", { numeric: true });
    keyed.sort((a, b) => {
      if (a.key === null || b.key === null) return (a.key === null) - (b.key === null) || a.index - b.index;
      const order = typeof a.key === "string" ? collator.compare(a.key, b.key) : compareNumbers(a.key, b.key);
      return sign * order || a.index - b.index;
    });
    return keyed.map(({ index }) => index);
  };

  function compareNumbers(a, b) {
    return a === b ? 0 : a < b ? -1 : 1; // not a − b, which infinity spoils
  }
})();
