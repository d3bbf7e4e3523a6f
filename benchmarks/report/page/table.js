"use strict";
// BD-rate against the anchor: one row a codec, each picture a dot.

const TICKS = [-90, -80, -60, -40, -20, 0, 25, 50, 100, 200, 400, 900];
const ratio = (percent) => Math.log(1 + Math.max(percent, -99.9) / 100);

/** Where a percentage lies across the strip: ratios of size, so halving is as far from 0 as doubling. */
function strip(rows) {
  const all = rows.flatMap((row) => [...row.images.map((image) => image[1]), ...(row.averaged ? [row.averaged[0]] : [])]);
  const low = Math.min(ratio(-10), ...all.map(ratio));
  const high = Math.max(ratio(10), ...all.map(ratio));
  return { low, high, place: (percent) => `${(3 + (94 * (ratio(percent) - low)) / (high - low)).toFixed(2)}%` };
}

function scaleOf(scale) {
  const ticks = TICKS.filter((tick) => ratio(tick) >= scale.low && ratio(tick) <= scale.high);
  const kept = ticks.filter((tick) => tick === 0 || Math.abs(ratio(tick)) / (scale.high - scale.low) > 0.09)
    .filter((tick, index, list) => index === 0 || tick === 0 || (ratio(tick) - ratio(list[index - 1])) / (scale.high - scale.low) > (report.clips ? 0.2 : 0.1)); // its strip is narrower
  return drawn("svg", { "aria-hidden": "true" }, ...kept.map((tick) =>
    drawn("text", { x: scale.place(tick), y: "80%", "text-anchor": "middle", style: "fill:var(--soft);font-size:11px" }, signed(tick).replace(".0", ""))));
}

function dots(row, scale) {
  const images = dataset().images;
  const fill = `var(${looks[row.codec].variable})`;
  const shapes = row.images.map(([image, percent]) =>
    drawn("circle", { cx: scale.place(percent), cy: "50%", r: 3.4, style: `fill:${fill}`, "fill-opacity": 0.42 },
      drawn("title", {}, `${images[image]}: ${signed(percent)}`)));
  const zero = drawn("line", { x1: scale.place(0), x2: scale.place(0), y1: "-34%", y2: "134%", style: "stroke:var(--line)" });
  const mean = row.averaged ? [drawn("line", { x1: scale.place(row.averaged[0]), x2: scale.place(row.averaged[0]), y1: "8%", y2: "92%", "stroke-width": 2.5, style: `stroke:${fill}` })] : [];
  return drawn("svg", { role: "img", "aria-label": `BD-rate of ${counted(row.images.length, words.one)}` }, zero, ...shapes, ...mean);
}

function overlapCell(row) {
  const percent = row.averaged ? Math.round(row.averaged[1] * 100) : null;
  const low = row.images.filter((image) => image[2] < LOW_OVERLAP).length;
  const cell = element("td", { class: "number" });
  if (percent !== null) {
    const range = `from ${valued(row.averaged[2])} to ${valued(row.averaged[3])}`;
    cell.append(element("span", { class: row.averaged[1] < LOW_OVERLAP ? "low" : null, title: range }, `${percent}\u00a0%`));
  } else {
    cell.append("\u2013");
  }
  if (low) cell.append(element("div", { class: "quiet" }, element("small", {}, `${low} of ${row.images.length} ${words.many} low`)));
  return cell;
}

/** A codec's title without what a column of its own says. */
function shortTitle(codec) {
  const end = codec.prediction ? `, ${codec.prediction}` : "";
  return report.clips && codec.title.endsWith(end) ? codec.title.slice(0, codec.title.length - end.length) : codec.title;
}

function bdRow(row, scale) {
  const codec = report.codecs[row.codec];
  const anchor = row.codec === state.anchor;
  const percents = row.images.map((image) => image[1]);
  const range = percents.length ? `${signed(Math.min(...percents))} \u2026 ${signed(Math.max(...percents))}` : "\u2013";
  const called = element("span", { class: "name" }, swatch(row.codec), ` ${shortTitle(codec)}`);
  if (codec.published) called.append(element("span", { class: "quiet" }, " (published)"));
  const name = element("th", { scope: "row" }, called);
  const prediction = report.clips ? [element("td", {}, codec.prediction)] : [];
  if (anchor) return element("tr", { class: "anchor" }, name, ...prediction, element("td", { colspan: 5, class: "quiet" }, "the anchor"));
  return element("tr", { class: codec.wisp ? "wisp" : null }, name, ...prediction,
    element("td", { class: "number main" }, row.averaged ? signed(row.averaged[0]) : "\u2013"),
    element("td", { class: "number" }, row.mean === null ? "\u2013" : signed(row.mean)),
    element("td", { class: "number" }, range), overlapCell(row),
    element("td", { class: "strip" }, row.images.length || row.averaged ? dots(row, scale) : ""));
}

function drawTable() {
  const rows = dataset()?.bd[state.measure]?.[state.anchor] ?? [];
  const scale = strip(rows.filter((row) => row.codec !== state.anchor));
  const head = [["Codec", ""], ...(report.clips ? [["Prediction", ""]] : []), ["Averaged curves", "number"], [`Mean of ${words.many}`, "number"], ["Least \u2026 most", "number"], ["Overlap", "number"]];
  byId("bd-intro").textContent = rows.length ? `Rate at equal ${measure().title} against ${title(state.anchor)}, by piecewise cubic (PCHIP) interpolation. Dots are ${words.many}, the bar is the averaged number; their axis is logarithmic, so half the size is as far from 0 as twice the size.${report.clips ? " All-intra codecs code every frame on its own, predicted ones from other frames: compare like with like." : ""}` : "";
  byId("bd-table").replaceChildren(
    element("thead", {}, element("tr", {}, ...head.map(([text, name]) => element("th", { scope: "col", class: name }, text)),
      element("th", { scope: "col", class: "strip" }, scaleOf(scale)))),
    element("tbody", {}, ...(rows.length ? rows.map((row) => bdRow(row, scale)) :
      [element("tr", {}, element("td", { colspan: head.length + 1, class: "quiet" }, "Nothing to compare: the anchor has no curve of this measure."))])));
}

drawings.push(drawTable);
