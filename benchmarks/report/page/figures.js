"use strict";
// Draws the figures that Python made. Each is a list of layers, see benchmarks/report/plots.py: the state of a layer is
// the one of what is chosen now. Colours are CSS variables, for light, dark and paper.

const byId = (id) => document.getElementById(id);
const shown = JSON.parse(byId("figures").textContent);
const narrow = matchMedia("(max-width: 50rem)");
const redraws = []; // what other scripts draw anew when a choice changes
const SETTINGS = {
  displaylogo: false,
  responsive: true,
  modeBarButtons: [["toImage"], ["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]], // none that shares
};

/** The value of a choice: of a select, of radio buttons, or the page's width. */
function chosen(name) {
  if (name === "width") return narrow.matches ? "narrow" : "wide";
  return document.querySelector(`select[name="${name}"], input[name="${name}"]:checked`).value;
}

const stateOf = (layer) => shown.layers[layer].states[shown.layers[layer].by.map(chosen).join("/")];
const isPlain = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** `base` with the parts that `change` has of it; its traces one by one. */
function merged(base, change = {}) {
  const result = { ...base };
  for (const [key, value] of Object.entries(change)) {
    if (key === "data" && base.data) result.data = base.data.map((trace, index) => merged(trace, value[index]));
    else result[key] = isPlain(base[key]) && isPlain(value) ? merged(base[key], value) : value;
  }
  return result;
}

/** A copy with the values of CSS variables in place of `var(...)`. */
function themed(value, style = getComputedStyle(document.documentElement)) {
  if (typeof value === "string" && value.startsWith("var(--")) return style.getPropertyValue(value.slice(4, -1)).trim();
  if (Array.isArray(value)) return value.map((each) => themed(each, style));
  if (!isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, themed(each, style)]));
}

/** An element; text is only ever put into text nodes and attributes: names in results are never markup. */
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

/** Put `entries`, [value, text] each, into a select; `chosen` is kept where it is still there. */
function fillSelect(select, entries, chosen) {
  select.replaceChildren(...entries.map(([value, text]) => element("option", { value }, text)));
  const wanted = String(chosen);
  select.value = entries.some(([value]) => String(value) === wanted) ? wanted : String(entries[0]?.[0] ?? "");
}

/** Draw what depends on the choice `changed`; everything without it. */
function draw(changed) {
  const concerned = (layer) => !changed || shown.layers[layer].by.includes(changed);
  for (const [id, layer] of Object.entries(shown.options)) {
    if (concerned(layer)) fillSelect(byId(id), stateOf(layer) ?? [], byId(id).value);
  }
  for (const layer of shown.texts.filter(concerned)) {
    for (const [id, text] of Object.entries(stateOf(layer) ?? {})) byId(id).textContent = text;
  }
  for (const [id, layers] of Object.entries(shown.figures)) {
    if (!layers.some(concerned)) continue;
    const { data, layout } = themed(layers.map(stateOf).reduce(merged, {}));
    layout.font = { ...layout.font, family: getComputedStyle(document.body).fontFamily };
    Plotly.react(byId(id), data, layout, SETTINGS);
  }
  for (const redraw of redraws) redraw(changed);
}

for (const input of document.querySelectorAll("[name]:is(select, input)")) {
  input.addEventListener("change", () => draw(input.name));
}
narrow.addEventListener("change", () => draw("width"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());
addEventListener("beforeprint", () => {
  document.documentElement.dataset.printing = "yes"; // paper is white
  draw();
});
addEventListener("afterprint", () => {
  delete document.documentElement.dataset.printing;
  draw();
});
addEventListener("DOMContentLoaded", () => draw());
