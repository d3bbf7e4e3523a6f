"use strict";
// What all sections share: the data, what is chosen, elements, numbers in words, the looks of codecs and plots.

const report = JSON.parse(document.getElementById("data").textContent);
const INFINITE = "inf"; // in place of a value: the picture is exact
const LOW_OVERLAP = 0.5;

// Indices into report.datasets, .measures and .codecs; codecs in `hidden` are left out of the plots.
const state = { dataset: 0, measure: 0, anchor: 0, hidden: new Set() };
const words = report.words; // for a picture, or a sequence
const drawings = []; // every section's function that draws it anew

const byId = (id) => document.getElementById(id);
const dataset = () => report.datasets[state.dataset];
const measure = () => report.measures[state.measure];
const title = (codec) => report.codecs[codec]?.title ?? "";
const wispFirst = (codecs) => [...codecs].sort((a, b) => report.codecs[b].wisp - report.codecs[a].wisp);

/** Of rows in the order of their BD-rate the best Wisp's; of efforts that are equal to 0.05 points the highest. */
function bestWisp(rows) {
  const own = rows.filter((row) => report.codecs[row.codec].wisp && row.averaged && row.codec !== state.anchor);
  const effort = (row) => Number(/-e(\d+)/.exec(report.codecs[row.codec].id)?.[1] ?? 0);
  const equals = own.filter((row) => row.averaged[0] - own[0].averaged[0] <= 0.05);
  return equals.sort((a, b) => effort(b) - effort(a))[0];
}

/** Codecs with points in the chosen dataset, then published curves. */
function present() {
  const here = new Set((dataset()?.points ?? []).map((point) => point[1]));
  return report.codecs.map((_, codec) => codec).filter((codec) => here.has(codec) || report.codecs[codec].published);
}

function drawAll() {
  for (const draw of drawings) draw();
}

// Elements. Text is only ever put into text nodes and attributes: names in results are never markup.

function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function drawn(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(node, attributes, children) {
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

/** Radio buttons side by side inside `fieldset`; `change` gets the value that was chosen. */
function fillSwitch(fieldset, entries, chosen, change) {
  const row = element("span", { class: "switch" });
  for (const [value, text] of entries) {
    const input = element("input", { type: "radio", name: fieldset.id, value, checked: value === chosen });
    input.addEventListener("change", () => change(value));
    row.append(element("label", {}, input, element("span", {}, text)));
  }
  fieldset.querySelector(".switch")?.remove();
  fieldset.append(row);
}

// Numbers in words.

const counted = (number, noun) => `${number.toLocaleString("en-GB")} ${noun}${number === 1 ? "" : "s"}`;
const inBytes = (bytes) => `${bytes.toLocaleString("en-GB")} bytes`;
const digits = (value) => (Math.abs(value) < 2 ? 4 : 2);
const withMinus = (text) => text.replace("-", "\u2212");

function signed(percent) {
  const text = Math.abs(percent) >= 1000 ? percent.toFixed(0) : percent.toFixed(1);
  const zero = Number(text) === 0;
  return `${zero ? "0.0" : (percent > 0 ? "+" : "") + withMinus(text)}\u00a0%`;
}

function valued(value, info = measure()) {
  if (value === null || value === undefined) return "\u2013";
  if (value === INFINITE) return "exact";
  return withMinus(value.toFixed(digits(value))) + (info.unit ? `\u00a0${info.unit}` : "");
}

function headed(info) {
  return info.title + (info.unit ? ` (${info.unit})` : "");
}

function seconds(value) {
  return `${Number(value.toPrecision(3))}\u00a0s`;
}

// Looks.

const SYMBOLS = ["circle", "square", "triangle-up", "diamond", "cross", "x", "triangle-down", "pentagon"];
const PATHS = {
  circle: "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0Z", square: "M-3.5,-3.5h7v7h-7Z", diamond: "M0,-5l5,5l-5,5l-5,-5Z",
  "triangle-up": "M0,-5l4.6,8h-9.2Z", "triangle-down": "M0,5l4.6,-8h-9.2Z", pentagon: "M0,-4.6l4.4,3.2l-1.7,5.1h-5.4l-1.7,-5.1Z",
  cross: "M-1.6,-4.6h3.2v3h3v3.2h-3v3h-3.2v-3h-3v-3.2h3Z", x: "M-4,-2l2,-2l2,2l2,-2l2,2l-2,2l2,2l-2,2l-2,-2l-2,2l-2,-2l2,-2Z",
};

const DASHES = { measured: ["solid", "dot", "dashdot"], published: ["dash", "longdash", "longdashdot"] };
const STROKES = { solid: null, dot: "2 2", dashdot: "5 2 1.5 2", dash: "4 3", longdash: "7 3", longdashdot: "7 2 1.5 2" };

/** By codec: the CSS variable of its colour, its symbol and its dash, the same in every section. */
const looks = (() => {
  const seen = { wisp: 0, series: 0 };
  const uses = {};
  return report.codecs.map((codec) => {
    const family = codec.wisp ? "wisp" : "series";
    const number = seen[family]++;
    const colours = codec.wisp ? 4 : 8;
    const turn = Math.floor(number / colours); // the same colour again gets another symbol and another dash
    const variable = `--${family}-${number % colours}`;
    const kind = codec.published ? "published" : "measured";
    const use = uses[kind + variable] ?? 0;
    uses[kind + variable] = use + 1;
    return { variable, symbol: SYMBOLS[(number + 3 * turn) % SYMBOLS.length], dash: DASHES[kind][use % DASHES[kind].length] };
  });
})();

const themed = (variable) => getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
const colour = (codec) => themed(looks[codec].variable);

/** A stretch of the codec's line with its symbol. */
function swatch(codec) {
  const { variable, symbol, dash } = looks[codec];
  const stroke = `var(${variable})`;
  return drawn("svg", { class: "swatch", width: 30, height: 14, viewBox: "-15 -7 30 14", "aria-hidden": "true" },
    drawn("line", { x1: -15, x2: 15, "stroke-width": report.codecs[codec].wisp ? 3 : 2, "stroke-dasharray": STROKES[dash], style: `stroke:${stroke}` }),
    drawn("path", { d: PATHS[symbol], style: `fill:${stroke}` }));
}

/** Text for Plotly, which reads some markup. */
function plotText(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

const PLOT_SETTINGS = {
  displaylogo: false,
  responsive: true,
  modeBarButtons: [["toImage"], ["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]], // none that shares
};

function axis(text, more = {}) {
  return { title: { text: plotText(text), standoff: 12, font: { size: 13 } }, gridcolor: themed("--grid"), zeroline: false,
    linecolor: themed("--line"), ticks: "", automargin: true, ...more };
}

/** Draw `traces`, or say `reason` where there are none: purging the plot instead would leave Plotly's timers astray. */
function plot(id, traces, layout, reason) {
  const place = byId(id);
  const empty = traces.length === 0;
  place.classList.toggle("empty", empty);
  const family = getComputedStyle(document.body).fontFamily;
  const lines = plotText(reason).replace(": ", ":<br>").replace(", or ", "<br>or ");
  const nothing = { xaxis: { visible: false }, yaxis: { visible: false }, margin: { l: 4, r: 4, t: 4, b: 4 },
    annotations: [{ text: lines, showarrow: false, font: { size: 13 } }] };
  Plotly.react(place, traces, {
    autosize: true, height: place.clientHeight,
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, hovermode: "closest",
    font: { family, size: 12, color: themed("--soft") }, margin: { l: 56, r: 16, t: 12, b: 48 },
    hoverlabel: { bgcolor: themed("--raised"), bordercolor: themed("--line"), align: "left",
      font: { family, size: 13, color: themed("--ink") } },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: themed("--soft"), activecolor: themed("--ink") },
    ...(empty ? nothing : layout),
  }, PLOT_SETTINGS);
  return empty ? null : place;
}
