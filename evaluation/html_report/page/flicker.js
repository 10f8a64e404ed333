"use strict";
// The flicker view: one image after the other in the same place.
(() => {
  // Changes per second. Three flashes, i.e. six changes, in a second can harm people with photosensitive epilepsy.
  burstlab.RATES = [0.5, 1, 2, 3, 5];
  burstlab.FASTEST = burstlab.RATES.at(-1);
  let timer = null;

  burstlab.play = (playing = !burstlab.state.playing) => burstlab.set({ playing }, "view");

  burstlab.listen(() => {
    const { state } = burstlab;
    const runs = state.mode === "flicker" && state.playing;
    if (runs && timer?.rate === state.rate) return;
    clearInterval(timer?.id);
    timer = runs ? { rate: state.rate, id: setInterval(() => burstlab.step(1), 1000 / state.rate) } : null;
  });
})();
