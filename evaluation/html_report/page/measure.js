"use strict";
// Figures of the zoomed region: how far an image is from the reference there.
(() => {
  // Peak signal-to-noise ratio in dB of the displayed colours (8 bit) and of the stored values, over a half-open region.
  burstlab.measure = (image, reference, region) => {
    if (!burstlab.comparable(image, reference)) return null;
    const picture = meanSquare(image.picture, reference.picture, image.width, 4, 3, region);
    const values = meanSquare(image.values, reference.values, image.width, image.channels, image.channels, region);
    return { picture: decibels(picture, 255), values: decibels(values, burstlab.contents.fullScale) };
  };

  function meanSquare(one, other, width, stride, channels, region) {
    let sum = 0;
    for (let y = region.top; y < region.bottom; y++) {
      for (let x = region.left, at = (y * width + x) * stride; x < region.right; x++, at += stride) {
        for (let channel = 0; channel < channels; channel++) {
          const difference = one[at + channel] - other[at + channel];
          sum += difference * difference;
        }
      }
    }
    return sum / ((region.bottom - region.top) * (region.right - region.left) * channels);
  }

  function decibels(square, peak) {
    return square === 0 ? Infinity : 10 * Math.log10((peak * peak) / square);
  }
})();
