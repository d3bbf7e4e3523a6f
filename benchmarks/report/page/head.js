"use strict";
// What was compared, where and how; what could not take part; what failed.

function factList(pairs, name) {
  const rows = pairs.filter(([, value]) => value !== "" && value !== undefined);
  if (name === "facts") {
    return rows.map(([term, value]) => element("div", {}, element("dt", {}, term), element("dd", {}, value)));
  }
  return [element("dl", { class: "rows" }, ...rows.flatMap(([term, value]) => [element("dt", {}, term), element("dd", {}, value)]))];
}

function drawHead() {
  const here = dataset();
  const measured = present().filter((codec) => !report.codecs[codec].published);
  const run = report.runs.at(-1);
  byId("title").textContent = here ? `${counted(measured.length, "codec")} on ${counted(here.images.length, words.one)}` : "No results yet";
  drawLede(measured);
  const absent = report.absent.length + report.failures.length;
  byId("facts").replaceChildren(...factList([
    [words.Many, here ? here.name : ""],
    [`Coded ${words.many}`, here ? here.points.length.toLocaleString("en-GB") : ""],
    ["Date", run ? run.started.slice(0, 10) : ""],
    ["Processor", run?.machine.processor ?? ""],
    ["Absent or failed", absent ? element("a", { href: "#absent" }, `${report.absent.length} absent, ${report.failures.length} failed`) : "nothing"],
  ], "facts"));
}

const FEW_SETTINGS = 5; // with fewer, BD-rate is a first look

/** ", 4 settings a codec" where no codec has more than a few; nothing is said of codecs that were not run here. */
function fewSettings(measured) {
  const here = dataset();
  const most = (codec) => {
    const counts = new Map();
    for (const [image, of] of here.points) if (of === codec) counts.set(image, (counts.get(image) ?? 0) + 1);
    return Math.max(...counts.values());
  };
  const found = measured.filter((codec) => here.seconds[codec]).map(most);
  if (!found.length || Math.max(...found) >= FEW_SETTINGS) return "";
  const [low, high] = [Math.min(...found), Math.max(...found)];
  return `, ${low < high ? `${low} to ` : ""}${counted(high, "setting")} a codec`;
}

/** One sentence: the best Wisp against the anchor, else the ranges of rate and quality. */
function drawLede(measured) {
  const row = bestWisp(dataset()?.bd[state.measure]?.[state.anchor] ?? []);
  const lede = byId("lede");
  lede.replaceChildren();
  if (row && !report.codecs[state.anchor].wisp) {
    const percent = row.averaged[0];
    const size = `${Math.abs(percent).toFixed(1)}\u00a0% ${percent < 0 ? "smaller" : "larger"}`;
    lede.append(`At equal ${measure().title}, files of ${title(row.codec)} are `, element("strong", {}, size),
      ` than those of ${title(state.anchor)} (BD-rate of averaged curves${fewSettings(measured)}).`);
  } else if (measured.length) {
    lede.append(measured.length === 1 ? `${title(measured[0])}: ` : "", ranges(), `${fewSettings(measured)}.`);
  }
}

/** From where to where the points of the chosen dataset go, exact ones apart. */
function ranges() {
  const { points } = dataset();
  const rates = points.map((point) => point[4]);
  const values = points.map((point) => point[5][state.measure]).filter((value) => typeof value === "number");
  const between = (numbers, worded) => {
    const [low, high] = [worded(Math.min(...numbers)), worded(Math.max(...numbers))];
    return low === high ? low : `${low} to ${high}`;
  };
  const rate = `${between(rates, (bpp) => String(Number(bpp.toPrecision(2))))} bits per pixel`;
  return values.length ? `${rate}, ${measure().title} ${between(values, (value) => valued(value))}` : rate;
}

function drawSetting() {
  const body = byId("setting-body");
  const run = report.runs.at(-1);
  body.replaceChildren(...report.notes.map((note) => element("p", { class: "warning" }, note)));
  body.append(...absences());
  if (run) {
    body.append(element("h3", {}, "Run"), ...factList([
      ["Command", element("code", {}, run.command)],
      ["Started", run.started.replace("T", " ")],
      ...Object.entries(run.machine).map(([name, value]) => [name[0].toUpperCase() + name.slice(1), value]),
      ["Threads per codec", String(run.threads)],
      ["Processes at a time", String(run.jobs)],
    ], "rows"));
  }
  body.append(element("h3", {}, "Versions and commands"), codecDetails(), measureDetails());
  if (run) body.append(folded("Packages", ...factList(Object.entries(run.versions), "rows")));
  if (report.runs.length > 1) {
    const earlier = report.runs.slice(0, -1).reverse();
    body.append(folded(`Earlier runs (${earlier.length})`,
      ...factList(earlier.map((each) => [each.started.replace("T", " "), element("code", {}, each.command)]), "rows")));
  }
}

function folded(summary, ...children) {
  return element("details", {}, element("summary", {}, summary), ...children);
}

function table(headings, rows) {
  return element("div", { class: "scroll" }, element("table", {},
    element("thead", {}, element("tr", {}, ...headings.map((text) => element("th", { scope: "col" }, text)))),
    element("tbody", {}, ...rows.map((cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, cell)))))));
}

function codecDetails() {
  return folded("Codecs", table(["", "Codec", "Version", "One of its commands, or source"], report.codecs.map((codec, index) =>
    [swatch(index), codec.title, codec.version, element("code", {}, codec.command)])));
}

function measureDetails() {
  const run = report.runs.at(-1);
  return folded("Measures", table(["Measure", "Better", "Source", "Version"], report.measures.map((info) =>
    [headed(info), info.higher_is_better ? "higher" : "lower", info.source, run?.measures[info.id] ?? ""])));
}

function absences() {
  const parts = [element("div", { id: "absent" })];
  if (report.absent.length) {
    parts.push(element("h3", {}, "Could not take part"), table(["", "Missing", "How to get it"],
      report.absent.map((each) => [`${each.title} (${each.what})`, each.reason, element("code", {}, each.remedy)])));
  }
  if (report.failures.length) {
    parts.push(element("h3", {}, "Failed"), table(["Codec", words.One, "Setting", "Message"],
      report.failures.map((each) => [each.title, `${each.dataset}/${each.image}`, String(each.quality), each.message])));
  }
  return parts;
}

drawings.push(drawHead);
