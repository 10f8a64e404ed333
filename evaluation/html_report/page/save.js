"use strict";
// What is seen as one PNG file: all panes with their headings.
(() => {
  const HEADING = 28; // screen pixels

  burstlab.sheet = () => {
    const panes = burstlab.panes();
    const { width, height } = burstlab.canvas();
    const columns = Math.min(burstlab.columns, panes.length);
    const sheet = burstlab.element("canvas", {
      width: columns * width, height: Math.ceil(panes.length / columns) * (height + HEADING),
    });
    const context = sheet.getContext("2d", { alpha: false });
    context.fillStyle = "#1c1c1c";
    context.fillRect(0, 0, sheet.width, sheet.height);
    context.font = "15px system-ui, sans-serif";
    context.textBaseline = "middle";
    panes.forEach((pane, i) => {
      const [x, y] = [(i % columns) * width, Math.floor(i / columns) * (height + HEADING)];
      context.fillStyle = "#eeeeee";
      context.fillText([...pane.title.children].map((part) => part.textContent).join("   "), x + 8, y + HEADING / 2, width - 16);
      context.drawImage(pane.canvas, x, y + HEADING);
    });
    return sheet;
  };

  burstlab.save = () => {
    burstlab.sheet().toBlob((blob) => {
      const link = burstlab.element("a", {
        href: URL.createObjectURL(blob), download: `${burstlab.entry().name.replace(/[^\w.-]+/g, "_")}.png`,
      });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
      burstlab.say(`${link.download} is saved`);
    });
  };
})();
