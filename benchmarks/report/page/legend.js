"use strict";
// The codecs as buttons that hide and show them, for all plots alike.

function drawLegend() {
  const codecs = wispFirst(present());
  const buttons = codecs.map((codec) => {
    const shown = !state.hidden.has(codec);
    const button = element("button", { type: "button", "aria-pressed": String(shown) }, swatch(codec), title(codec));
    button.addEventListener("click", () => {
      if (!state.hidden.delete(codec)) state.hidden.add(codec);
      button.setAttribute("aria-pressed", String(!state.hidden.has(codec)));
      drawPlots();
    });
    return button;
  });
  const every = [["All", () => new Set()], ["None", () => new Set(codecs)]].map(([text, hidden]) => {
    const button = element("button", { type: "button", class: "plain" }, text);
    button.addEventListener("click", () => {
      state.hidden = hidden();
      for (const each of buttons) each.setAttribute("aria-pressed", String(state.hidden.size === 0));
      drawPlots();
    });
    return button;
  });
  byId("legend").replaceChildren(...buttons, ...(codecs.length > 1 ? every : []));
}

function drawPlots() {
  drawCurves();
  drawSpeed();
}

drawings.push(drawLegend);
