"use strict";
// Where the image lies in a pane. All panes share centre and magnification, so their views move together.

burstlab.ZOOMS = [1 / 16, 1 / 8, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64];
burstlab.ZOOM_RANGE = [burstlab.ZOOMS[0], burstlab.ZOOMS.at(-1)];

// The size in which all images of a burst are shown: that of its largest. Smaller ones (e.g. the input) are enlarged.
burstlab.frame = () => {
  const images = burstlab.entry().images;
  return { width: Math.max(...images.map((i) => i.width)), height: Math.max(...images.map((i) => i.height)) };
};

// The magnification at which the whole image is seen; whole numbers above one, so that all pixels are equal squares.
burstlab.fitZoom = (width, height) => {
  const frame = burstlab.frame();
  const zoom = Math.min(width / frame.width, height / frame.height, burstlab.ZOOM_RANGE[1]);
  return zoom > 1 ? Math.floor(zoom) : zoom;
};

// For a canvas of `width` × `height` screen pixels: magnification, and where the image's corner lies.
burstlab.placement = ({ width, height }) => {
  const frame = burstlab.frame();
  const zoom = burstlab.state.zoom ?? burstlab.fitZoom(width, height);
  const place = (size, length, centre) => {
    const at = burstlab.state.zoom === null ? 0.5 : centre;
    return Math.round(size / 2 - at * length * zoom);
  };
  const [x, y] = burstlab.state.centre;
  const corner = { left: place(width, frame.width, x), top: place(height, frame.height, y) };
  return { zoom, ...corner, frameWidth: frame.width, frameHeight: frame.height };
};

// The pixel of the frame at a point of the canvas; outside of the image: null.
burstlab.pixelAt = (canvas, x, y) => {
  const { zoom, left, top, frameWidth, frameHeight } = burstlab.placement(canvas);
  const column = Math.floor((x - left) / zoom);
  const row = Math.floor((y - top) / zoom);
  return column >= 0 && row >= 0 && column < frameWidth && row < frameHeight ? [column, row] : null;
};

// Pixels of the frame that are at least partly seen in a canvas: half-open, or null if there are none.
burstlab.visible = (canvas) => {
  const { zoom, left, top, frameWidth, frameHeight } = burstlab.placement(canvas);
  const region = {
    left: Math.max(0, Math.floor(-left / zoom)),
    top: Math.max(0, Math.floor(-top / zoom)),
    right: Math.min(frameWidth, Math.ceil((canvas.width - left) / zoom)),
    bottom: Math.min(frameHeight, Math.ceil((canvas.height - top) / zoom)),
  };
  return region.right > region.left && region.bottom > region.top ? region : null;
};

// Change the magnification so that the point (x, y) of the canvas keeps its place.
burstlab.zoomTo = (zoom, canvas, x = canvas.width / 2, y = canvas.height / 2) => {
  const now = burstlab.placement(canvas);
  const limited = Math.min(Math.max(zoom, burstlab.ZOOM_RANGE[0]), burstlab.ZOOM_RANGE[1]);
  const centre = (size, length, start, at) =>
    Math.min(Math.max(((at - start) / now.zoom + (size / 2 - at) / limited) / length, 0), 1);
  burstlab.set({
    zoom: limited,
    centre: [
      centre(canvas.width, now.frameWidth, now.left, x),
      centre(canvas.height, now.frameHeight, now.top, y),
    ],
  }, "view");
};

burstlab.zoomBy = (steps, canvas, x, y) => {
  const { zoom } = burstlab.placement(canvas);
  const larger = burstlab.ZOOMS.filter((level) => level > zoom * 1.001);
  const smaller = burstlab.ZOOMS.filter((level) => level < zoom * 0.999);
  const next = steps > 0 ? larger.at(0) : smaller.at(-1);
  if (next !== undefined) burstlab.zoomTo(next, canvas, x, y);
};

// Move the view by screen pixels; the centre stays inside the image.
burstlab.moveBy = (dx, dy, canvas) => {
  const { zoom, frameWidth, frameHeight } = burstlab.placement(canvas);
  const inside = (value) => Math.min(Math.max(value, 0), 1);
  const start = burstlab.state.zoom === null ? [0.5, 0.5] : burstlab.state.centre;
  burstlab.set({
    zoom,
    centre: [inside(start[0] + dx / (zoom * frameWidth)), inside(start[1] + dy / (zoom * frameHeight))],
  }, "view");
};

// Show a region of the image as large as fits.
burstlab.zoomToRegion = (region, canvas) => {
  const { frameWidth, frameHeight } = burstlab.placement(canvas);
  const fits = Math.min(canvas.width / (region.right - region.left), canvas.height / (region.bottom - region.top));
  const zoom = burstlab.ZOOMS.filter((level) => level <= fits).at(-1) ?? burstlab.ZOOM_RANGE[0];
  burstlab.set({
    zoom,
    centre: [(region.left + region.right) / 2 / frameWidth, (region.top + region.bottom) / 2 / frameHeight],
  }, "view");
};

burstlab.fit = () => burstlab.set({ zoom: null, centre: [0.5, 0.5] }, "view");
