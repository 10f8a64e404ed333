"use strict";
// Structural similarity of one scale (Wang et al., IEEE Transactions on Image Processing 13(4), 2004) of a region, as
// models/loss/ssim.py measures it: Gaussian window of 11 × 11 pixels and standard deviation 1.5, no padding.
(() => {
  const WINDOW = 11;
  const MOST = 5e5; // pixels; larger regions would make the page wait
  const weights = Array.from({ length: WINDOW }, (_, i) => Math.exp(-((i - 5) ** 2) / (2 * 1.5 ** 2)));
  const sum = weights.reduce((total, weight) => total + weight);
  weights.forEach((weight, i) => { weights[i] = weight / sum; });

  // Of displayed colours; null where the region is smaller than the window, or too large.
  burstlab.similarity = (image, reference, region) => {
    const [width, height] = [region.right - region.left, region.bottom - region.top];
    if (!burstlab.comparable(image, reference) || Math.min(width, height) < WINDOW || width * height > MOST) return null;
    let total = 0;
    for (let channel = 0; channel < 3; channel++) {
      total += ofPlanes(plane(image, region, channel), plane(reference, region, channel), width, height);
    }
    return total / 3;
  };

  function plane({ picture, width }, region, channel) {
    const out = new Float64Array((region.right - region.left) * (region.bottom - region.top));
    let to = 0;
    for (let y = region.top; y < region.bottom; y++) {
      for (let x = region.left; x < region.right; x++) out[to++] = picture[(y * width + x) * 4 + channel];
    }
    return out;
  }

  function ofPlanes(one, other, width, height) {
    const products = [one.map((v) => v * v), other.map((v) => v * v), one.map((v, i) => v * other[i])];
    const [m1, m2, s1, s2, s12] = [one, other, ...products].map((map) => windowMeans(map, width, height));
    const [c1, c2] = [(0.01 * 255) ** 2, (0.03 * 255) ** 2];
    let total = 0;
    for (let i = 0; i < m1.length; i++) {
      const product = m1[i] * m2[i];
      const squares = m1[i] * m1[i] + m2[i] * m2[i];
      total += ((2 * product + c1) * (2 * (s12[i] - product) + c2)) / ((squares + c1) * (s1[i] + s2[i] - squares + c2));
    }
    return total / m1.length;
  }

  function windowMeans(map, width, height) {
    const [columns, rows] = [width - WINDOW + 1, height - WINDOW + 1];
    const across = new Float64Array(columns * height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < columns; x++) {
        let mean = 0;
        for (let i = 0; i < WINDOW; i++) mean += weights[i] * map[y * width + x + i];
        across[y * columns + x] = mean;
      }
    }
    const out = new Float64Array(columns * rows);
    for (let i = 0; i < WINDOW; i++) {
      for (let at = 0; at < out.length; at++) out[at] += weights[i] * across[at + i * columns];
    }
    return out;
  }
})();
