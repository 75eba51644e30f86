// Two sweeps side by side: on request only the units whose verdicts differ. Without this script all are shown.
"use strict";

for (const control of document.querySelectorAll("[data-only]")) {
  const box = control.querySelector("input");
  const said = control.querySelector("[role=status]");
  const units = [...document.querySelectorAll(".compared > li")];

  const filter = () => {
    for (const unit of units) unit.hidden = box.checked && !("differs" in unit.dataset);
    for (const layer of document.querySelectorAll("[data-layer]")) {
      layer.querySelector("[data-nothing]").hidden = Boolean(layer.querySelector(".compared > li:not([hidden])"));
    }
    const shown = units.filter((unit) => !unit.hidden).length;
    said.textContent = shown === units.length ? `all ${shown}` : `${shown} of ${units.length}`;
  };

  control.hidden = false;
  box.addEventListener("input", filter);
  filter(); // a browser keeps what was chosen when a page is loaded again
}
