"use strict";
// The stored values inside the pixels, where these are seen large enough.
(() => {
  const LARGE_ENOUGH = 40; // screen pixels

  burstlab.drawNumbers = (context, image) => {
    const { zoom, left, top, frameWidth } = burstlab.placement(context.canvas);
    const seen = burstlab.visible(context.canvas);
    if (zoom < LARGE_ENOUGH || !seen || image.width !== frameWidth) return;
    context.font = `${Math.floor(zoom / 4.6)}px ui-monospace, "DejaVu Sans Mono", monospace`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (let y = seen.top; y < seen.bottom; y++) {
      for (let x = seen.left; x < seen.right; x++) drawPixel(context, image, x, y, left, top, zoom);
    }
  };

  function drawPixel(context, { picture, values, width, channels }, x, y, left, top, zoom) {
    const at = (y * width + x) * 4;
    const light = 0.3 * picture[at] + 0.59 * picture[at + 1] + 0.11 * picture[at + 2];
    context.fillStyle = light > 115 ? "#000" : "#fff";
    for (let channel = 0; channel < channels; channel++) {
      const line = (channel - (channels - 1) / 2) * (zoom / 3.8);
      context.fillText(values[(y * width + x) * channels + channel], left + (x + 0.5) * zoom, top + (y + 0.5) * zoom + line);
    }
  }
})();
