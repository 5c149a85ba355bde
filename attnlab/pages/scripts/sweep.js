// What is pointed at or has the focus, and all else with the same key, stands out.
function follow(key) {
  document.body.classList.toggle("follow", key !== undefined);
  for (const shape of document.querySelectorAll("[data-key]")) shape.classList.toggle("here", shape.dataset.key === key);
}

for (const mark of document.querySelectorAll("[data-key]")) {
  mark.addEventListener("pointerenter", () => follow(mark.dataset.key));
  mark.addEventListener("pointerleave", () => follow());
  mark.addEventListener("focus", () => follow(mark.dataset.key));
  mark.addEventListener("blur", () => follow());
}
