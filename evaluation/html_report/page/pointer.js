"use strict";
// The mouse: drag moves, the wheel zooms, Shift and drag zooms into a box, a double click fits or shows 1:1.
(() => {
  const { by, element } = burstlab;
  let drag = null; // { canvas, x, y, box, moved }

  function point(canvas, event) {
    const box = canvas.getBoundingClientRect();
    const ratio = canvas.width / box.width;
    return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
  }

  function down(event) {
    const canvas = event.target.closest("canvas");
    if (!canvas || event.button !== 0) return;
    by("stage").focus({ preventScroll: true });
    const [x, y] = point(canvas, event);
    drag = { canvas, x, y, startX: x, startY: y, moved: false, box: event.shiftKey ? element("div", { className: "box" }) : null };
    if (drag.box) canvas.pane.root.append(drag.box);
    canvas.setPointerCapture(event.pointerId);
    event.preventDefault();
  }

  function move(event) {
    const canvas = drag?.canvas ?? event.target.closest("canvas");
    if (!canvas) return;
    const [x, y] = point(canvas, event);
    burstlab.set({ pointer: burstlab.pixelAt(canvas, x, y), byKeys: false }, "pointer");
    if (!drag) return;
    drag.moved ||= Math.hypot(x - drag.startX, y - drag.startY) > 3;
    if (drag.box) {
      drawBox(canvas, x, y);
    } else if (drag.moved) {
      burstlab.moveBy(drag.x - x, drag.y - y, canvas);
    }
    [drag.x, drag.y] = [x, y];
  }

  function drawBox(canvas, x, y) {
    const ratio = canvas.getBoundingClientRect().width / canvas.width;
    Object.assign(drag.box.style, {
      left: `${Math.min(x, drag.startX) * ratio}px`,
      top: `${Math.min(y, drag.startY) * ratio + canvas.offsetTop}px`,
      width: `${Math.abs(x - drag.startX) * ratio}px`,
      height: `${Math.abs(y - drag.startY) * ratio}px`,
    });
  }

  function up() {
    if (!drag) return;
    const { canvas, box, moved } = drag;
    if (box) {
      box.remove();
      if (moved) zoomIntoBox(canvas);
    } else if (!moved && burstlab.panes().length > 1) {
      burstlab.select(canvas.pane.label);
    }
    drag = null;
  }

  function zoomIntoBox(canvas) {
    const { zoom, left, top, frameWidth, frameHeight } = burstlab.placement(canvas);
    const [x0, x1] = [drag.startX, drag.x].sort((a, b) => a - b);
    const [y0, y1] = [drag.startY, drag.y].sort((a, b) => a - b);
    const region = {
      left: Math.max(0, Math.floor((x0 - left) / zoom)), right: Math.min(frameWidth, Math.ceil((x1 - left) / zoom)),
      top: Math.max(0, Math.floor((y0 - top) / zoom)), bottom: Math.min(frameHeight, Math.ceil((y1 - top) / zoom)),
    };
    if (region.right > region.left && region.bottom > region.top) burstlab.zoomToRegion(region, canvas);
  }

  let turned = 0; // touch pads send many small turns of the wheel
  function wheel(event) {
    const canvas = event.target.closest("canvas");
    if (!canvas) return;
    event.preventDefault();
    turned = Math.sign(turned) === Math.sign(event.deltaY) ? turned + event.deltaY : event.deltaY;
    if (Math.abs(turned) < 40 && event.deltaMode === 0) return;
    burstlab.zoomBy(turned < 0 ? 1 : -1, canvas, ...point(canvas, event));
    turned = 0;
  }

  function doubleClick(event) {
    const canvas = event.target.closest("canvas");
    if (!canvas) return;
    if (burstlab.state.zoom === null) burstlab.zoomTo(Math.max(1, 4 * burstlab.placement(canvas).zoom), canvas, ...point(canvas, event));
    else burstlab.fit();
  }

  burstlab.startPointer = () => {
    const stage = by("stage");
    stage.addEventListener("pointerdown", down);
    stage.addEventListener("pointermove", move);
    stage.addEventListener("pointerup", up);
    stage.addEventListener("pointercancel", up);
    stage.addEventListener("pointerleave", () => { if (!drag) burstlab.set({ pointer: null }, "pointer"); });
    stage.addEventListener("wheel", wheel, { passive: false });
    stage.addEventListener("dblclick", doubleClick);
  };
})();
