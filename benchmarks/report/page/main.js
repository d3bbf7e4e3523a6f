"use strict";
// What is chosen for the whole page, and when it is drawn.

/** Anchors of the chosen dataset and measure: all that have a curve. */
function drawChoices() {
  const anchors = Object.keys(dataset()?.bd[state.measure] ?? {}).map(Number).sort((a, b) => a - b);
  if (!anchors.includes(state.anchor)) {
    state.anchor = anchors.find((codec) => report.anchor ? report.codecs[codec].id === report.anchor : report.codecs[codec].id.startsWith("jpeg")) ?? anchors[0] ?? state.anchor;
  }
  fillSelect(byId("dataset"), report.datasets.map((each, index) => [index, each.name]), state.dataset);
  fillSelect(byId("measure"), report.measures.map((info, index) => [index, info.title]), state.measure);
  fillSelect(byId("anchor"), anchors.map((codec) => [codec, title(codec)]), state.anchor);
  byId("dataset-choice").hidden = report.datasets.length < 2;
  byId("dataset-choice").style.display = report.datasets.length < 2 ? "none" : "";
}

for (const name of ["dataset", "measure", "anchor"]) {
  byId(name).addEventListener("change", (event) => {
    state[name] = Number(event.target.value);
    drawAll();
  });
}

const dark = matchMedia("(prefers-color-scheme: dark)");
dark.addEventListener("change", drawAll);
addEventListener("beforeprint", () => {
  document.documentElement.dataset.printing = "yes"; // paper is white
  drawAll();
});
addEventListener("afterprint", () => {
  delete document.documentElement.dataset.printing;
  drawAll();
});

state.anchor = -1; // the first drawing finds the usual one
drawings.unshift(drawChoices);
drawSetting();
drawAll();
