// Films that can be held at any of their frames: one control for all films of a page. Without this script the films
// run, and their frames stand beside them.
"use strict";

for (const films of document.querySelectorAll("[data-films]")) {
  const control = films.querySelector("[data-films-control]");
  const range = control.querySelector("input");
  const said = control.querySelector("output");
  const play = control.querySelector("button");
  const all = [...films.querySelectorAll("[data-film]")].map((film) => ({
    moving: film.querySelector("[data-moving]"),
    still: film.querySelector("[data-still]"),
    none: film.querySelector("[data-none]"),
    frames: new Map([...film.querySelectorAll("[data-frame]")].map((frame) => [frame.dataset.frame, frame])),
  }));
  const names = control.dataset.names.split("\n");

  const hold = () => {
    said.textContent = names[range.value];
    range.setAttribute("aria-valuetext", names[range.value]);
    play.setAttribute("aria-pressed", "false");
    for (const film of all) {
      for (const [number, frame] of film.frames) frame.classList.toggle("is-shown", number === range.value);
      const picture = film.frames.get(range.value)?.querySelector("img");
      film.moving.hidden = true;
      film.still.hidden = !picture;
      film.none.hidden = Boolean(picture);
      if (picture) [film.still.src, film.still.alt] = [picture.src, picture.alt];
    }
  };
  const run = () => {
    said.textContent = "all checkpoints in turn";
    play.setAttribute("aria-pressed", "true");
    for (const film of all) {
      for (const frame of film.frames.values()) frame.classList.remove("is-shown");
      // Who asks for a film to run is shown one, also where nothing is to move by itself.
      for (const quiet of film.moving.querySelectorAll("source")) quiet.remove();
      film.moving.hidden = false;
      film.still.hidden = film.none.hidden = true;
    }
  };

  control.hidden = false;
  range.addEventListener("input", hold);
  play.addEventListener("click", () => (play.getAttribute("aria-pressed") === "true" ? hold() : run()));
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) hold();
}
