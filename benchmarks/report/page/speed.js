"use strict";
// Seconds per megapixel, or frames per second, against BD-rate.

const WAYS = [["0", "encode"], ["1", "decode"]];
const speed = { way: "0" };

function drawSpeedChoices() {
  fillSwitch(byId("speed-way"), WAYS, speed.way, (way) => {
    speed.way = way;
    drawSpeed();
  });
}

// Of a sequence the seconds are those of a frame.
const paceOf = (time) => (report.clips ? 1 / time : time);
const pace = (value) => (report.clips ? `${Number(value.toPrecision(3))} frames per second` : `${seconds(value)} per megapixel`);

const LABEL_HEIGHT = 16; // pixels
const MARGINS = { l: 72, r: 16, t: 12, b: 52 }; // about what Plotly leaves around the axes

/** By point the place of its name, null where it would meet another name or point: Wisp's first, then from the left. */
function namePlaces(found, xRange, yRange, place) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const width = place.clientWidth - MARGINS.l - MARGINS.r;
  const height = place.clientHeight - MARGINS.t - MARGINS.b;
  const marks = found.map(({ codec, x, y }) => ({
    x: (width * (x - xRange[0])) / (xRange[1] - xRange[0]),
    y: height * (1 - (Math.log10(y) - yRange[0]) / (yRange[1] - yRange[0])),
    half: report.codecs[codec].wisp ? 8 : 6,
  }));
  const taken = marks.map(({ x, y, half }) => [x - half, y - half, x + half, y + half]);
  const free = (box, own) => box[0] > -MARGINS.l && box[2] < width + MARGINS.r && taken.every((other, index) =>
    index === own || box[2] <= other[0] || box[0] >= other[2] || box[3] <= other[1] || box[1] >= other[3]);
  const places = found.map(() => null);
  for (const index of [...found.keys()].sort((a, b) => report.codecs[found[b].codec].wisp - report.codecs[found[a].codec].wisp || a - b)) {
    const { x, y, half } = marks[index];
    const wide = pen.measureText(title(found[index].codec)).width + 6;
    const boxes = {
      "top center": [x - wide / 2, y - half - LABEL_HEIGHT, x + wide / 2, y - half],
      "bottom center": [x - wide / 2, y + half, x + wide / 2, y + half + LABEL_HEIGHT],
      "middle right": [x + half, y - LABEL_HEIGHT / 2, x + half + wide, y + LABEL_HEIGHT / 2],
      "middle left": [x - half - wide, y - LABEL_HEIGHT / 2, x - half, y + LABEL_HEIGHT / 2],
      "bottom right": [x + half, y + half, x + half + wide, y + half + LABEL_HEIGHT],
      "top right": [x + half, y - half - LABEL_HEIGHT, x + half + wide, y - half],
      "bottom left": [x - half - wide, y + half, x - half, y + half + LABEL_HEIGHT],
      "top left": [x - half - wide, y - half - LABEL_HEIGHT, x - half, y - half],
    };
    places[index] = Object.keys(boxes).find((name) => free(boxes[name], index)) ?? null;
    if (places[index]) taken.push(boxes[places[index]]);
  }
  return places;
}

function drawSpeed() {
  const here = dataset();
  const rows = here?.bd[state.measure]?.[state.anchor] ?? [];
  const found = [];
  const without = [];
  for (const row of rows) {
    if (state.hidden.has(row.codec) || report.codecs[row.codec].published) continue;
    if (row.averaged && here.seconds[row.codec]) found.push({ codec: row.codec, x: row.averaged[0], y: paceOf(here.seconds[row.codec][Number(speed.way)]) });
    else without.push(title(row.codec));
  }
  found.sort((a, b) => a.x - b.x);
  const word = WAYS[Number(speed.way)][1];
  const xs = found.map((each) => each.x);
  const logs = found.map((each) => Math.log10(each.y));
  const wide = Math.max(10, Math.max(...xs) - Math.min(...xs)) * 0.12;
  const xRange = [Math.min(...xs) - wide, Math.max(...xs) + wide];
  const yRange = [Math.min(...logs) - 0.45, Math.max(...logs) + 0.45];
  byId("speed-plot").classList.toggle("empty", found.length === 0); // its height counts for the names
  const places = namePlaces(found, xRange, yRange, byId("speed-plot"));
  const traces = found.map(({ codec, x, y }, index) => ({
    type: "scatter", mode: "markers+text", x: [x], y: [y], cliponaxis: false, hoverinfo: "text",
    text: [places[index] ? plotText(title(codec)) : ""], textposition: places[index] ?? "top center",
    textfont: { color: report.codecs[codec].wisp ? colour(codec) : themed("--ink"), size: 12 },
    hovertext: [`<b>${plotText(title(codec))}</b><br>BD-rate ${signed(x)}<br>${word} ${pace(y)}`],
    marker: { color: colour(codec), symbol: looks[codec].symbol, size: report.codecs[codec].wisp ? 15 : 11 },
  }));
  plot("speed-plot", traces, {
    xaxis: axis(`BD-rate against ${title(state.anchor)}`,
      { ticksuffix: " %", zeroline: true, zerolinecolor: themed("--line"), range: xRange }),
    yaxis: axis(report.clips ? `frames per second, ${word}` : `seconds per megapixel, ${word}`, { type: "log", dtick: 1, tickformat: "~g", range: yRange }),
  }, "No times to draw: choose another anchor or measure, or show a codec.");
  byId("speed-intro").textContent = found.length ? `${report.clips ? "Median speed of a warm process" : "Median time of a warm call"}, and rate at equal ${measure().title} (averaged curves); ${report.clips ? "up" : "down"} and to the left is better.` : "";
  byId("speed-note").textContent = [conditions(here), without.length ? `No time or no BD-rate: ${without.join(", ")}.` : "",
    places.includes(null) ? "Names that would overlap are left out: point at a symbol to see its name." : ""].join(" ").trim();
}

/** Under what the times were taken. */
function conditions(here) {
  if (!here) return "";
  const threads = `Each codec was allowed ${here.threads.map((n) => counted(n, "thread")).join(" or ")}.`;
  const most = Math.max(1, ...here.jobs);
  return threads + (most > 1 ? ` Up to ${most} processes ran at a time, so times are longer than those of a codec alone on the machine.` : " Nothing else of the benchmark ran at the same time.");
}

addEventListener("resize", drawSpeed); // other names have room
drawings.push(drawSpeedChoices, drawSpeed);
