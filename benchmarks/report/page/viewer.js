"use strict";
// The viewer: pictures of one image at equal file size, or their errors. Only the chosen image is decoded.

const report = JSON.parse(byId("data").textContent);
const words = report.words; // for a picture, or a sequence
const INFINITE = "inf"; // in place of a value: the picture is exact
const ALIKE = 0.02; // files of a group should differ by no more
const ORIGINAL = "original";
const view = { image: null, target: null, left: null, right: null, mode: "pictures", entry: null, group: null, shown: [],
  decoded: new Map(), loading: 0 };

const dataset = () => report.datasets[chosen("dataset")];
const entries = () => report.viewer.filter((entry) => entry.dataset === dataset()?.name);
const isWisp = (picture) => report.wisp.includes(picture.codec);
const pictureOf = (codec) => view.shown.find((picture) => picture.codec === codec);

function drawViewer() {
  const all = entries();
  byId("viewer").hidden = all.length === 0 && !report.left_out;
  byId("viewer-body").hidden = all.length === 0;
  byId("viewer-intro").textContent = all.length
    ? `Drag the divider, or focus it and use the arrow keys. The wheel zooms; a zoomed picture can be dragged.${report.clips ? " Sizes and rates are those of whole streams, measures those of the frame." : ""}`
    : `The run left these ${words.shown.toLowerCase()} out: --no-viewer.`;
  if (all.length === 0) return;
  view.entry = all.find((entry) => entry.image === view.image) ?? all[0];
  view.image = view.entry.image;
  drawPlace(all);
  const groups = view.entry.groups;
  view.group = groups.find((group) => group.target === view.target) ?? groups[Math.floor(groups.length / 2)] ?? null;
  view.target = view.group?.target ?? view.target;
  fillSwitch(byId("view-rate"), groups.map((group) => [group.target, `${group.target} bpp`]), view.target, (target) => {
    view.target = target;
    drawViewer();
  });
  view.shown = [...(view.entry.original ? [view.entry.original] : []), ...(view.group?.pictures ?? [])];
  drawSides();
  drawMode();
  load();
}

const framesOf = (sequence) => entries().filter((entry) => entry.sequence === sequence).sort((a, b) => a.frame - b.frame);

/** The choice of a picture; or of a sequence and one of the frames that are there of it. */
function drawPlace(all) {
  byId("view-frame-choice").style.display = report.clips ? "" : "none";
  const names = [...new Set(all.map((entry) => entry.sequence ?? entry.image))];
  fillSelect(byId("view-image"), names.map((name) => [name, name]), view.entry.sequence ?? view.image);
  if (!report.clips) return;
  const frames = framesOf(view.entry.sequence);
  const slider = byId("view-frame");
  slider.max = String(frames.length - 1);
  slider.value = String(frames.indexOf(view.entry));
  slider.disabled = frames.length < 2;
  slider.setAttribute("aria-valuetext", `frame ${view.entry.frame}`);
  byId("view-frame-value").textContent = String(view.entry.frame);
}

/** Which picture is on which side: the first coded one and Wisp, until others are chosen. */
function drawSides() {
  const coded = view.shown.filter((picture) => picture.codec !== ORIGINAL);
  const right = pictureOf(view.right) ?? coded.find(isWisp) ?? coded[1] ?? coded[0] ?? view.shown[0];
  const left = pictureOf(view.left) ?? coded.find((picture) => picture !== right) ?? view.shown[0];
  view.left = left.codec;
  view.right = right.codec;
  const options = view.shown.map((picture) => [picture.codec, picture.title]);
  fillSelect(byId("view-left"), options, view.left);
  fillSelect(byId("view-right"), options, view.right);
}

function drawMode() {
  if (!view.entry.original) view.mode = "pictures";
  fillSwitch(byId("view-mode"), [["pictures", words.shown.toLowerCase()], ["errors", "errors"]], view.mode, (mode) => {
    view.mode = mode;
    drawMode();
    paint();
  });
  for (const input of byId("view-mode").querySelectorAll("input")) input.disabled = !view.entry.original;
  byId("gain-choice").style.display = view.mode === "errors" ? "" : "none";
}

/** Decode what the chosen image needs, forget the rest, and paint unless another was chosen meanwhile. */
async function load() {
  const turn = ++view.loading;
  const names = [...new Set(view.shown.map((picture) => picture.picture))];
  for (const name of view.decoded.keys()) if (!names.includes(name)) view.decoded.delete(name);
  await Promise.all(names.filter((name) => !view.decoded.has(name)).map(async (name) => {
    const canvas = await decoded(name);
    if (turn === view.loading) view.decoded.set(name, canvas);
  }));
  if (turn === view.loading) paint();
}

/** The picture on a canvas, or null where this browser cannot decode it. */
async function decoded(name) {
  const holder = byId(name);
  const bytes = Uint8Array.from(atob(holder.textContent), (character) => character.charCodeAt(0));
  try {
    const bitmap = await createImageBitmap(new Blob([bytes], { type: holder.dataset.type }));
    const canvas = element("canvas", { width: bitmap.width, height: bitmap.height });
    canvas.getContext("2d", { willReadFrequently: true }).drawImage(bitmap, 0, 0);
    bitmap.close();
    return canvas;
  } catch {
    return null;
  }
}

const pixelsOf = (canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);

/** The absolute difference to the original of each sample, times `gain`, as a canvas; and its mean. */
function errorMap(canvas, original, gain) {
  const map = pixelsOf(canvas);
  const reference = pixelsOf(original).data;
  const data = map.data;
  let sum = 0;
  for (let index = 0; index < data.length; index += 4) {
    for (let channel = index; channel < index + 3; channel++) {
      const error = Math.abs(data[channel] - reference[channel]);
      sum += error;
      data[channel] = Math.min(255, error * gain);
    }
  }
  const drawn = element("canvas", { width: map.width, height: map.height });
  drawn.getContext("2d").putImageData(map, 0, 0);
  return { canvas: drawn, mean: sum / ((data.length / 4) * 3) };
}

/** What is to be seen of a picture now: {canvas, mean}, null where there is nothing. */
function seenOf(picture) {
  const canvas = view.decoded.get(picture.picture);
  if (!canvas) return null;
  const original = view.mode === "errors" ? view.decoded.get(view.entry.original.picture) : null;
  if (view.mode !== "errors") return { canvas, mean: null };
  if (!original || original.width !== canvas.width || original.height !== canvas.height) return null;
  return errorMap(canvas, original, Number(byId("gain").value));
}

function paint() {
  const seenBy = new Map(view.shown.map((picture) => [picture.codec, seenOf(picture)]));
  const first = [...seenBy.values()].find(Boolean)?.canvas;
  for (const side of ["left", "right"]) {
    const picture = pictureOf(view[side]);
    const seenNow = seenBy.get(view[side]);
    const canvas = byId(`canvas-${side}`);
    Object.assign(canvas, { width: first?.width ?? 3, height: first?.height ?? 2 });
    if (seenNow) canvas.getContext("2d").drawImage(seenNow.canvas, 0, 0);
    canvas.setAttribute("aria-label", `${view.mode === "errors" ? "Errors of " : ""}${view.image}, ${picture.title}`);
    byId(`tag-${side}`).replaceChildren(element("b", {}, picture.title), ` ${tagOf(picture, seenNow)}`);
  }
  const unseen = view.shown.filter((picture) => !seenBy.get(picture.codec)).map((picture) => picture.title);
  byId("view-note").textContent = [
    unseen.length ? `This browser cannot show ${unseen.join(", ")}.` : "",
    view.mode === "errors" ? `Absolute difference of each sample to the original, times ${byId("gain").value}; black is none.` : "",
  ].join(" ").trim();
  drawCards(seenBy);
  stage.moved = () => drawThumbnails(seenBy);
  setStage(first?.width ?? 3, first?.height ?? 2);
}

function tagOf(picture, seenNow) {
  if (view.mode === "errors" && seenNow) return `mean error ${seenNow.mean.toFixed(2)} of 255`;
  const info = report.measures[chosen("measure")];
  const value = picture.values[chosen("measure")];
  const parts = [inBytes(picture.bytes), `${picture.bpp.toPrecision(3)} bpp`];
  if (value !== null && value !== undefined) parts.push(`${info.title}\u00a0${valued(value, info)}`);
  return parts.join(" \u00b7 ");
}

function drawCards(seenBy) {
  byId("cards").replaceChildren(...view.shown.map((picture) => {
    const heading = element("h3", {}, picture.title);
    const canvas = element("canvas", { role: "img", "aria-label": `${view.image}, ${picture.title}` });
    return element("article", { class: isWisp(picture) ? "card wisp" : "card", "data-codec": picture.codec }, canvas, heading,
      element("p", {}, seenBy.get(picture.codec) ? picture.setting : "cannot be shown"), factsOf(picture), sideButtons(picture));
  }));
}

function factsOf(picture) {
  const first = view.group?.pictures[0];
  const rows = [["Size", inBytes(picture.bytes)], ["Rate", `${picture.bpp.toPrecision(3)} bpp`]];
  if (first && picture.codec !== ORIGINAL && picture !== first) {
    const off = picture.bytes / first.bytes - 1;
    rows.push([`Against ${first.title}`, element("span", { class: Math.abs(off) > ALIKE ? "low" : null }, signed(100 * off))]);
  }
  report.measures.forEach((info, index) => {
    if (picture.values[index] !== null) rows.push([info.title, valued(picture.values[index], info)]);
  });
  return element("dl", {}, ...rows.flatMap(([term, value]) => [element("dt", {}, term), element("dd", {}, value)]));
}

function sideButtons(picture) {
  return element("div", { class: "buttons" }, ...["left", "right"].map((side) => {
    const button = element("button", { type: "button", "aria-pressed": String(view[side] === picture.codec),
      "aria-label": `${picture.title} on the ${side}` }, side === "left" ? "Left" : "Right");
    button.addEventListener("click", () => chooseSide(side, picture.codec));
    return button;
  }));
}

/** The cards show the part of the pictures that the frame shows. */
function drawThumbnails(seenBy) {
  const { x, y, width, height } = seen();
  for (const card of byId("cards").children) {
    const canvas = card.querySelector("canvas");
    const across = Math.max(1, Math.round((canvas.clientWidth || 240) * devicePixelRatio));
    canvas.width = across;
    canvas.height = Math.max(1, Math.round((across * height) / width));
    const source = seenBy.get(card.dataset.codec)?.canvas;
    if (!source) continue;
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = across < width;
    context.imageSmoothingQuality = "high";
    context.drawImage(source, x, y, width, height, 0, 0, canvas.width, canvas.height);
  }
}

function chooseSide(side, codec) {
  view[side] = codec;
  drawSides();
  paint();
}

function chooseView(image) {
  const frames = framesOf(image); // it may be the name of a sequence
  const found = entries().find((entry) => entry.image === image) ?? frames[Math.min(Number(byId("view-frame").value), frames.length - 1)];
  if (!found) return;
  view.image = found.image;
  drawViewer();
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

const inBytes = (bytes) => `${bytes.toLocaleString("en-GB")} bytes`;
const withMinus = (text) => text.replace("-", "\u2212");

function signed(percent) {
  const text = percent.toFixed(1);
  return `${Number(text) === 0 ? "0.0" : (percent > 0 ? "+" : "") + withMinus(text)}\u00a0%`;
}

function valued(value, info) {
  if (value === INFINITE) return "exact";
  return withMinus(value.toFixed(Math.abs(value) < 2 ? 4 : 2)) + (info.unit ? `\u00a0${info.unit}` : "");
}

/** Choose a picture in the curves and the viewer. */
function showImage(name) {
  byId("curve-image").value = String(dataset().images.indexOf(name));
  draw("image");
  chooseView(name);
}

byId("view-image").addEventListener("change", (event) => chooseView(event.target.value));
byId("view-frame").addEventListener("input", (event) => {
  chooseView(framesOf(view.entry.sequence)[Number(event.target.value)].image);
});
for (const side of ["left", "right"]) {
  byId(`view-${side}`).addEventListener("change", (event) => chooseSide(side, event.target.value));
}
byId("swap").addEventListener("click", () => {
  [view.left, view.right] = [view.right, view.left];
  drawSides();
  paint();
});
byId("gain").addEventListener("input", () => {
  byId("gain-value").textContent = byId("gain").value;
  requestAnimationFrame(paint);
});
moveDivider(50);
redraws.push((changed) => {
  if (!changed || changed === "dataset" || changed === "measure") drawViewer();
});
addEventListener("DOMContentLoaded", () => {
  byId("images-plot").on("plotly_click", (event) => showImage(dataset().images[event.points[0].pointIndex]));
});
