"use strict";
// Called by data/contents.js with the table of contents.
burstlab.open = (contents) => {
  const { state, by } = burstlab;
  if (typeof DecompressionStream === "undefined") {
    by("stage").textContent = "This browser is too old to unpack the pixels. Chrome 80, Firefox 113, Safari 16.4 and later can.";
    return;
  }
  burstlab.contents = contents;
  document.title = by("title").textContent = contents.title;
  state.reference = contents.labels[0];
  // The reference, and the last ones of the list: networks stand after the rows without training.
  burstlab.show([contents.labels[0], ...contents.labels.slice(1).slice(-3)]);
  burstlab.startControls();
  burstlab.startSorting();
  burstlab.startBurstList();
  burstlab.startPanes();
  burstlab.startSlider();
  burstlab.startPointer();
  burstlab.startInspector();
  burstlab.startDialogs();
  burstlab.startKeyboard();
  burstlab.readFragment(location.hash);
  by("stage").focus({ preventScroll: true });
  Promise.all(state.shown.map((label) => burstlab.labelled(label)?.ready)).then(() => requestAnimationFrame(() => {
    burstlab.openedAfter = performance.now(); // milliseconds, for benchmarks/html_page.py
  }));
};
