"use strict";
// Images of the bursts, loaded tile by tile when they are first asked for; those used longest ago are let go.
(() => {
  const BUDGET = 512e6; // bytes
  const kept = new Map(); // key → image, in the order of last use
  const AT_ONCE = 4; // script files that are loaded at the same time
  const queue = []; // those that wait
  let running = 0;

  // An image: width, height, channels; values (Uint16Array) and picture (RGBA) side by side; canvas; loaded, complete.
  burstlab.image = (burst, number) => {
    const key = `${burst}/${number}`;
    let image = kept.get(key);
    if (image) {
      kept.delete(key);
    } else {
      image = makeImage(burst, number);
    }
    kept.set(key, image);
    forget();
    return image;
  };

  // What tile scripts call; which one it is, the browser knows.
  burstlab.receive = (values, picture) => { document.currentScript.tile = [values, picture]; };

  function makeImage(burst, number) {
    const entry = burstlab.contents.bursts[burst].images[number];
    const { width, height, channels } = entry;
    const canvas = burstlab.element("canvas", { width, height });
    const image = {
      label: entry.label, width, height, channels, scores: entry.scores, canvas,
      values: new Uint16Array(width * height * channels),
      picture: new Uint8ClampedArray(width * height * 4),
      bytes: width * height * (2 * channels + 8),
      loaded: 0, complete: false, error: null,
    };
    image.ready = loadTiles(image, burst, number, entry).catch((error) => {
      image.error = error.message;
      burstlab.say(error.message);
      arrived(burst);
    });
    return image;
  }

  async function loadTiles(image, burst, number, entry) {
    const side = burstlab.contents.tile;
    const folder = String(burst).padStart(4, "0");
    const tiles = [];
    for (let top = 0; top < image.height; top += side) {
      for (let left = 0; left < image.width; left += side) tiles.push([top, left]);
    }
    await Promise.all(tiles.map(async ([top, left], tile) => {
      const file = `data/${folder}/${number}_${tile}.js`;
      const [values, picture] = await new Promise((resolve, reject) => {
        queue.push({ burst, file, resolve, reject });
        next();
      });
      await place(image, entry, top, left, Math.min(side, image.width - left), Math.min(side, image.height - top),
        values, picture);
      image.loaded += 1;
      arrived(burst);
    }));
    image.complete = true;
    arrived(burst);
  }

  function arrived(burst) {
    if (burst === burstlab.state.burst) burstlab.changed("pixels");
  }

  // The shown burst comes first; bursts that were passed by meanwhile are not loaded at all.
  function next() {
    while (running < AT_ONCE && queue.length) {
      const task = queue.splice(Math.max(queue.findIndex((one) => one.burst === burstlab.state.burst), 0), 1)[0];
      running += 1;
      runScript(task.file).then(task.resolve, task.reject).finally(() => { running -= 1; next(); });
    }
  }

  burstlab.dropOthers = (bursts) => {
    for (let i = queue.length - 1; i >= 0; i--) {
      if (bursts.includes(queue[i].burst)) continue;
      const [{ burst }] = queue.splice(i, 1);
      [...kept.keys()].filter((key) => key.startsWith(`${burst}/`)).forEach((key) => kept.delete(key));
    }
  };

  function runScript(file) {
    return new Promise((resolve, reject) => {
      const script = burstlab.element("script", { src: file });
      script.onload = () => {
        script.remove();
        if (script.tile) resolve(script.tile);
        else reject(new Error(`${file} holds no pixels; was it cut off?`));
      };
      script.onerror = () => {
        script.remove();
        reject(new Error(`${file} cannot be read; was the folder copied whole?`));
      };
      document.head.append(script);
    });
  }

  async function place(image, entry, top, left, width, height, packedValues, packedPicture) {
    const colours = entry.pictureChannels;
    const [values, picture] = await Promise.all([
      burstlab.unpack(packedValues, width, height, image.channels, 16),
      burstlab.unpack(packedPicture, width, height, colours, 8),
    ]);
    const row = width * image.channels;
    for (let y = 0; y < height; y++) {
      image.values.set(values.subarray(y * row, (y + 1) * row), ((top + y) * image.width + left) * image.channels);
      let to = ((top + y) * image.width + left) * 4;
      for (let x = 0, from = y * width * colours; x < width; x++, from += colours, to += 4) {
        image.picture[to] = picture[from];
        image.picture[to + 1] = picture[colours === 3 ? from + 1 : from];
        image.picture[to + 2] = picture[colours === 3 ? from + 2 : from];
        image.picture[to + 3] = 255;
      }
    }
    const data = new ImageData(image.picture, image.width, image.height);
    image.canvas.getContext("2d").putImageData(data, 0, 0, left, top, width, height);
  }

  function forget() {
    let bytes = 0;
    for (const image of kept.values()) bytes += image.bytes;
    const needed = 12; // the images of this burst and the next one stay
    for (const [key, image] of kept) {
      if (bytes <= BUDGET || kept.size <= needed) return;
      kept.delete(key);
      bytes -= image.bytes;
    }
  }
})();
