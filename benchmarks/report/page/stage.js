"use strict";
// Two pictures of one size on top of each other: the divider between them, zoom, and moving about.

const LARGEST_ZOOM = 8;
const LEAST_WIDTH = 480; // CSS pixels that small pictures are enlarged to
const STEP = 2; // per cent that an arrow key moves the divider; with Shift 10

const stage = { width: 1, height: 1, zoom: 1, x: 0, y: 0, split: 50, moved: () => {} };
const frame = byId("frame");
const divider = byId("divider");

/** Make room for pictures of this size; where it is the size of the last ones, zoom and place stay. */
function setStage(width, height) {
  if (stage.width !== width || stage.height !== height) Object.assign(stage, { width, height, zoom: 1, x: 0, y: 0 });
  frame.style.aspectRatio = `${width} / ${height}`;
  frame.style.width = `min(100%, ${Math.max(width, LEAST_WIDTH)}px, ${((82 * width) / height).toFixed(2)}vh)`;
  placePictures();
}

/** The part of the pictures that is seen, in their pixels. */
function seen() {
  const scale = (frame.clientWidth * stage.zoom) / stage.width;
  return { x: -stage.x / scale, y: -stage.y / scale, width: stage.width / stage.zoom, height: stage.height / stage.zoom };
}

function placePictures() {
  const { clientWidth, clientHeight } = frame;
  const scale = (clientWidth * stage.zoom) / stage.width;
  stage.x = Math.min(0, Math.max(clientWidth * (1 - stage.zoom), stage.x));
  stage.y = Math.min(0, Math.max(clientHeight * (1 - stage.zoom), stage.y));
  for (const canvas of frame.querySelectorAll("canvas")) {
    canvas.style.transform = `translate(${stage.x}px, ${stage.y}px) scale(${scale})`;
    canvas.classList.toggle("sharp", stage.zoom > 1 || scale >= 1.5);
  }
  frame.classList.toggle("zoomed", stage.zoom > 1);
  byId("zoom-value").textContent = `${Number(stage.zoom.toFixed(1))}\u00d7`;
  byId("zoom-out").disabled = stage.zoom <= 1;
  byId("zoom-in").disabled = stage.zoom >= LARGEST_ZOOM;
  stage.moved();
}

/** Zoom; the point (x, y) of the frame, in CSS pixels, stays where it is. */
function zoomTo(zoom, x = frame.clientWidth / 2, y = frame.clientHeight / 2) {
  const wanted = Math.min(LARGEST_ZOOM, Math.max(1, zoom));
  const by = wanted / stage.zoom;
  Object.assign(stage, { zoom: wanted, x: x - (x - stage.x) * by, y: y - (y - stage.y) * by });
  placePictures();
}

function moveDivider(split) {
  stage.split = Math.min(100, Math.max(0, split));
  frame.style.setProperty("--split", `${stage.split}%`);
  const whole = Math.round(stage.split);
  divider.setAttribute("aria-valuenow", String(whole));
  divider.setAttribute("aria-valuetext", `${whole} % from the left`);
}

function inFrame(event) {
  const box = frame.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

function beginDrag(event) {
  if (event.button !== 0) return;
  const dividing = divider.contains(event.target) || stage.zoom === 1;
  let last = inFrame(event);
  const move = (next) => {
    const now = inFrame(next);
    if (dividing) moveDivider((100 * now.x) / frame.clientWidth);
    else {
      stage.x += now.x - last.x;
      stage.y += now.y - last.y;
      placePictures();
    }
    last = now;
  };
  if (dividing && event.pointerType === "mouse") move(event); // a finger may be about to scroll the page
  frame.setPointerCapture(event.pointerId);
  frame.classList.toggle("panning", !dividing);
  const end = () => {
    frame.removeEventListener("pointermove", move);
    frame.classList.remove("panning");
  };
  frame.addEventListener("pointermove", move);
  for (const name of ["pointerup", "pointercancel"]) frame.addEventListener(name, end, { once: true });
}

function turnWheel(event) {
  const zoom = stage.zoom * Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.06 : 0.002));
  if ((stage.zoom <= 1 && zoom < 1) || (stage.zoom >= LARGEST_ZOOM && zoom > LARGEST_ZOOM)) return; // let the page scroll
  event.preventDefault();
  const { x, y } = inFrame(event);
  zoomTo(zoom, x, y);
}

function dividerKey(event) {
  const step = event.shiftKey ? 5 * STEP : STEP;
  const wanted = { ArrowLeft: stage.split - step, ArrowDown: stage.split - step, ArrowRight: stage.split + step,
    ArrowUp: stage.split + step, PageDown: stage.split - 10, PageUp: stage.split + 10, Home: 0, End: 100 }[event.key];
  if (wanted === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  moveDivider(wanted);
}

function frameKey(event) {
  const by = frame.clientWidth / 10;
  const moves = { ArrowLeft: [by, 0], ArrowRight: [-by, 0], ArrowUp: [0, by], ArrowDown: [0, -by] };
  const zooms = { "+": stage.zoom * 2, "=": stage.zoom * 2, "-": stage.zoom / 2, 0: 1 };
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in zooms) zoomTo(zooms[event.key]);
  else if (event.key in moves && stage.zoom > 1) {
    stage.x += moves[event.key][0];
    stage.y += moves[event.key][1];
    placePictures();
  } else return;
  event.preventDefault();
}

frame.addEventListener("pointerdown", beginDrag);
frame.addEventListener("wheel", turnWheel, { passive: false });
frame.addEventListener("keydown", frameKey);
divider.addEventListener("keydown", dividerKey);
byId("zoom-in").addEventListener("click", () => zoomTo(stage.zoom * 2));
byId("zoom-out").addEventListener("click", () => zoomTo(stage.zoom / 2));
byId("zoom-reset").addEventListener("click", () => zoomTo(1));
new ResizeObserver(() => placePictures()).observe(frame);
