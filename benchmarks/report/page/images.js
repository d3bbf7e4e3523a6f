"use strict";
// BD-rate of single pictures: one codec, with a second one beside it.

const NOBODY = "none";

function comparable() {
  const rows = dataset()?.bd[state.measure]?.[state.anchor] ?? [];
  return rows.filter((row) => row.codec !== state.anchor && row.images.length);
}

function drawImageChoices() {
  const rows = comparable();
  const codec = byId("images-codec");
  const first = bestWisp(rows) ?? rows.find((row) => report.codecs[row.codec].wisp) ?? rows[0];
  const entries = rows.map((row) => [row.codec, title(row.codec)]);
  const kept = entries.some(([index]) => String(index) === codec.value) ? codec.value : first?.codec;
  fillSelect(codec, entries, kept ?? "");
  fillSelect(byId("images-beside"), [[NOBODY, "no other"], ...entries], byId("images-beside").value || NOBODY);
}

function drawImages() {
  const rows = comparable();
  const chosen = rows.find((row) => String(row.codec) === byId("images-codec").value);
  const beside = rows.find((row) => String(row.codec) === byId("images-beside").value && row !== chosen);
  const names = dataset()?.images ?? [];
  const sorted = chosen ? [...chosen.images].sort((a, b) => b[1] - a[1]) : [];
  const labels = sorted.map(([image]) => names[image]);
  const traces = [];
  if (beside) traces.push(dotsOf(beside, names, labels, true));
  if (chosen) traces.push(dotsOf(chosen, names, labels, false));
  const place = byId("images-plot");
  place.style.height = chosen ? `${Math.max(12, labels.length * 1.25 + 5)}rem` : "";
  const drawnPlot = plot("images-plot", traces, {
    xaxis: axis(chosen ? `BD-rate against ${title(state.anchor)}` : "", { ticksuffix: " %", zeroline: true, zerolinecolor: themed("--soft"), zerolinewidth: 1 }),
    yaxis: axis("", { type: "category", categoryorder: "array", categoryarray: labels.map(plotText), automargin: true, tickmode: "linear", range: [-0.7, labels.length - 0.3] }),
    shapes: sorted.map(([, percent], row) => ({ type: "line", x0: 0, x1: percent, y0: row, y1: row, layer: "below", line: { color: colour(chosen.codec), width: 2 }, opacity: 0.35 })),
  }, `No ${words.one} has a BD-rate here: it takes two settings of each codec and a shared range.`);
  if (drawnPlot) {
    drawnPlot.removeAllListeners?.("plotly_click");
    drawnPlot.on("plotly_click", (event) => showImage(event.points[0].customdata));
  }
  byId("images-intro").textContent = chosen ? `${title(chosen.codec)} against ${title(state.anchor)}, at equal ${measure().title}, from most to least saved. A click on a dot shows that ${words.one} above.` : "";
  const low = chosen?.images.filter((image) => image[2] < LOW_OVERLAP).length ?? 0;
  byId("images-note").textContent = low ? `${counted(low, "hollow dot")}: the two ranges of quality overlap by less than half.` : "";
}

function dotsOf(row, names, labels, faint) {
  const found = row.images.filter(([image]) => labels.includes(names[image]));
  return {
    type: "scatter", mode: "markers", hoverinfo: "text", cliponaxis: false,
    x: found.map((image) => image[1]), y: found.map((image) => plotText(names[image[0]])), customdata: found.map((image) => names[image[0]]),
    text: found.map(([image, percent, overlap]) => `<b>${plotText(names[image])}</b><br>${plotText(title(row.codec))} ${signed(percent)}<br>overlap ${Math.round(overlap * 100)} %`),
    marker: { color: colour(row.codec), size: faint ? 8 : 10, opacity: faint ? 0.75 : 1,
      symbol: found.map((image) => looks[row.codec].symbol + (image[2] < LOW_OVERLAP ? "-open" : "")) },
  };
}

/** Choose a picture in the curves and the viewer. */
function showImage(name) {
  const index = dataset().images.indexOf(name);
  if (index < 0) return;
  byId("curve-image").value = String(index);
  drawCurves();
  chooseView(name);
}

for (const id of ["images-codec", "images-beside"]) byId(id).addEventListener("change", drawImages);
byId("curve-image").addEventListener("change", drawCurves);
drawings.push(drawImageChoices, drawImages);
