// Two pictures of one size on each other, with an edge that is moved over them. Without this script they stand side
// by side.
"use strict";

for (const slider of document.querySelectorAll("[data-slider]")) {
  const pictures = slider.querySelector("[data-slider-pictures]");
  const control = slider.querySelector("[data-slider-control]");
  const range = control.querySelector("input");

  const move = (value) => {
    range.value = value;
    pictures.style.setProperty("--edge", `${range.value}%`);
    range.setAttribute("aria-valuetext", `${range.value} % before, ${100 - range.value} % after`);
  };
  const follow = (event) => {
    const box = pictures.getBoundingClientRect();
    move(Math.round((100 * (event.clientX - box.left)) / box.width));
  };

  slider.classList.add("is-slider");
  control.hidden = false;
  range.addEventListener("input", () => move(range.value));
  pictures.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault(); // or the browser drags the picture itself
    pictures.setPointerCapture(event.pointerId);
    follow(event);
  });
  pictures.addEventListener("pointermove", (event) => {
    if (pictures.hasPointerCapture(event.pointerId)) follow(event);
  });
  move(range.value); // what a browser remembers of the page's last time
}
