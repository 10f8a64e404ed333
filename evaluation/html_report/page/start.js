"use strict";
// The one global name of the page. No modules: a page from disk may not import them.
const burstlab = {};

// Elements by id, and new ones with properties and children.
burstlab.by = (id) => document.getElementById(id);

burstlab.element = (tag, properties = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name in made && !name.startsWith("aria")) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
};

// Said by screen readers and shown for a moment.
burstlab.say = (text) => {
  const status = burstlab.by("status");
  status.textContent = text;
  clearTimeout(burstlab.say.timer);
  burstlab.say.timer = setTimeout(() => { status.textContent = ""; }, 4000);
};
