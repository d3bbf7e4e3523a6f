"use strict";
// Rate and distortion curves: of the mean of all pictures, or of one.

const MEAN = "mean";
const rateAxis = { type: "log" };
const RATE_TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20];

/** [quality, bpp, value] of each point with a finite value, by bpp; and how many were exact. */
function curveOf(codec, image) {
  if (image === MEAN) return { points: dataset().curves[state.measure]?.[codec] ?? [], exact: 0 };
  const own = dataset().points.filter((point) => point[1] === codec && point[0] === Number(image));
  const points = own.map((point) => [point[2], point[4], point[5][state.measure]]);
  const exact = points.filter((point) => point[2] === INFINITE).length;
  return { points: points.filter((point) => typeof point[2] === "number"), exact };
}

/** A codec's points of all pictures, where no setting has a mean. */
function singlesOf(codec, info) {
  const about = report.codecs[codec];
  const points = dataset().points.filter((point) => point[1] === codec && typeof point[5][state.measure] === "number");
  const found = points.map((point) => [point[2], point[4], point[5][state.measure]]);
  return {
    type: "scatter", mode: "markers", name: plotText(about.title), hoverinfo: "text", cliponaxis: false,
    x: found.map((point) => point[1]), y: found.map((point) => point[2]),
    text: found.map((point, index) => hoverOf(about, point, info, dataset().images[points[index][0]])),
    marker: { color: colour(codec), symbol: looks[codec].symbol, size: 6, opacity: 0.5 },
  };
}

function drawCurveChoices() {
  const here = dataset();
  const select = byId("curve-image");
  const images = here ? here.images.map((name, index) => [index, name]) : [];
  fillSelect(select, [[MEAN, `mean of ${counted(images.length, words.one)}`], ...images], select.value || MEAN);
  fillSwitch(byId("rate-axis"), [["log", "logarithmic"], ["linear", "linear"]], rateAxis.type, (type) => {
    rateAxis.type = type;
    drawCurves();
  });
}

function drawCurves() {
  const image = byId("curve-image").value;
  const info = measure();
  const traces = [];
  const singles = [];
  const without = [];
  const published = [];
  let exact = 0;
  for (const codec of dataset() && info ? wispFirst(present()).reverse() : []) {
    const about = report.codecs[codec];
    if (state.hidden.has(codec) || (about.published && image !== MEAN)) continue;
    const curve = curveOf(codec, image);
    exact += curve.exact;
    if (curve.points.length === 0) {
      const trace = image === MEAN && !about.published ? singlesOf(codec, info) : null;
      if (trace?.x.length) singles.push({ trace, title: about.title });
      else if (!about.published) without.push(about.title);
      continue;
    }
    if (about.published) published.push(about.title);
    const points = [...curve.points].sort((a, b) => a[1] - b[1]);
    traces.push({
      type: "scatter", mode: "lines+markers", name: plotText(about.title), hoverinfo: "text", cliponaxis: false,
      x: points.map((point) => point[1]), y: points.map((point) => point[2]),
      text: points.map((point) => hoverOf(about, point, info)),
      line: { color: colour(codec), width: about.wisp ? 3.2 : 1.8, dash: looks[codec].dash },
      marker: { color: colour(codec), symbol: looks[codec].symbol, size: about.wisp ? 9 : 7 },
    });
  }
  traces.unshift(...singles.map((each) => each.trace)); // below the curves
  plot("curves-plot", traces, {
    xaxis: axis("bits per pixel", rateAxis.type === "log" ? { type: "log", tickvals: RATE_TICKS, ticktext: RATE_TICKS.map(String) } : { rangemode: "tozero" }),
    yaxis: axis(info ? headed(info) + (info.higher_is_better ? "" : ", lower is better") : ""),
  }, `No points to draw: choose another measure or ${words.one}, or show a codec.`);
  const notes = [];
  if (published.length) notes.push(`Published, over their authors' ${words.many}: ${published.join(", ")}.`);
  if (singles.length) notes.push(`Single points of all ${words.many}, for no setting has a mean: ${singles.map((each) => each.title).join(", ")}.`);
  if (without.length) notes.push(`No curve here: ${without.join(", ")}.`);
  if (without.length && image === MEAN) notes.push(`A mean needs finite values of all ${words.many} at one setting.`);
  if (exact) notes.push(`${counted(exact, "exact point")} cannot be drawn on this scale.`);
  byId("curves-note").textContent = notes.join(" ");
  byId("curves-intro").textContent = info ? `${image === MEAN ? `Mean rate and mean distortion of all ${words.many} at each setting` : `One ${words.one} at each setting`}; ${info.higher_is_better ? "up" : "down"} and to the left is better.${report.clips ? " Rates are of whole streams. Wisp codes RGB, the others 4:2:0; what the conversion to that and back costs is counted as theirs." : ""}` : "";
}

function hoverOf(codec, [quality, bpp, value], info, image = "") {
  const setting = quality === null ? "published" : quality === bpp ? "" : `quality ${quality}`; // released files have their rate there
  const lines = [`<b>${plotText(codec.title)}</b>`, plotText(image), setting].filter((line) => line);
  return `${lines.join("<br>")}<br>${bpp.toPrecision(3)} bpp<br>${plotText(info.title)} ${plotText(valued(value, info))}`;
}

drawings.push(drawCurveChoices, drawCurves);
