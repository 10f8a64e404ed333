"use strict";
// Undoes evaluation/html_report/pixel_scripts.py: base64 → deflate → differences → pixels.
(() => {
  burstlab.unpack = async (text, width, height, channels, bits) => {
    const raw = await burstlab.inflate(text);
    const count = width * height * channels;
    if (raw.length !== count * (bits / 8)) {
      throw new Error(`${raw.length} bytes for ${width} × ${height} × ${channels} values of ${bits} bits`);
    }
    const pixels = bits === 16 ? new Uint16Array(count) : new Uint8Array(count);
    const plane = width * height;
    for (let channel = 0; channel < channels; channel++) {
      undoPlane(pixels, width, height, channels, channel, bits === 16
        // The sign stands in the lowest bit, and all low bytes before all high ones.
        ? (i) => { const folded = raw[i] | (raw[count + i] << 8); return (folded >>> 1) ^ -(folded & 1); }
        : (i) => raw[i], channel * plane);
    }
    return pixels;
  };

  burstlab.inflate = async (text) => {
    const binary = atob(text);
    const packed = new Uint8Array(binary.length);
    for (let i = 0; i < packed.length; i++) packed[i] = binary.charCodeAt(i);
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  };

  // Pixels stand side by side in `pixels` (R G B R G B …); the typed array wraps round as the differences did.
  function undoPlane(pixels, width, height, channels, channel, difference, first) {
    const rowLength = width * channels;
    let index = first;
    for (let y = 0, at = channel; y < height; y++) {
      for (let x = 0; x < width; x++, at += channels, index++) {
        let predicted = 0;
        if (y === 0) {
          if (x > 0) predicted = pixels[at - channels];
        } else if (x === 0) {
          predicted = pixels[at - rowLength];
        } else {
          const left = pixels[at - channels];
          const above = pixels[at - rowLength];
          const low = left < above ? left : above;
          const high = left < above ? above : left;
          const planar = left + above - pixels[at - rowLength - channels];
          predicted = planar < low ? low : planar > high ? high : planar;
        }
        pixels[at] = predicted + difference(index);
      }
    }
  }
})();
