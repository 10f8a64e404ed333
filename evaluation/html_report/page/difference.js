"use strict";
// Difference pictures: |image − reference| from black, or image − reference around middle grey; amplified.
(() => {
  const made = new WeakMap(); // image → { key, canvas }

  // null where the two do not compare.
  burstlab.difference = (image, reference) => {
    if (!burstlab.comparable(image, reference)) return null;
    const { gain, signed, space } = burstlab.state;
    const key = [reference.label, image.loaded, reference.loaded, gain, signed, space].join("/");
    const before = made.get(image);
    if (before?.key === key) return before.canvas;
    const data = new ImageData(image.width, image.height);
    if (space === "values") fromValues(data.data, image, reference, gain, signed);
    else fromPictures(data.data, image, reference, gain, signed);
    const canvas = before?.canvas ?? burstlab.element("canvas", { width: image.width, height: image.height });
    canvas.getContext("2d").putImageData(data, 0, 0);
    made.set(image, { key, canvas });
    return canvas;
  };

  // Whether pixels of the same place can be compared. Some data sets align a result with the ground truth only to score
  // it; as it is, its pixels lie elsewhere.
  burstlab.comparable = (image, reference) => {
    if (!image || !reference) return false;
    const { pixelsCompare, groundTruth } = burstlab.contents;
    const aligned = pixelsCompare || [image, reference].every(({ label }) => label !== groundTruth);
    return aligned && ["width", "height", "channels"].every((size) => image[size] === reference[size]);
  };

  function fromPictures(out, { picture: one }, { picture: other }, gain, signed) {
    for (let i = 0; i < out.length; i++) {
      if (i % 4 === 3) out[i] = 255;
      else out[i] = shade(one[i] - other[i], gain, signed);
    }
  }

  function fromValues(out, image, reference, gain, signed) {
    const { values: one, channels } = image;
    const other = reference.values;
    const scale = 255 / burstlab.contents.fullScale;
    for (let i = 0, to = 0; i < one.length; i += channels, to += 4) {
      for (let colour = 0; colour < 3; colour++) {
        const at = channels === 3 ? i + colour : i;
        out[to + colour] = shade((one[at] - other[at]) * scale, gain, signed);
      }
      out[to + 3] = 255;
    }
  }

  // ImageData clamps to 0..255 and rounds.
  function shade(difference, gain, signed) {
    return signed ? 128 + gain * difference : gain * Math.abs(difference);
  }
})();
