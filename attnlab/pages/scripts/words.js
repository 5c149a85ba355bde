"use strict";

/** A row of words: buttons, whose ground shows their scores; the arrow keys go from one to the next. */
VIEWS.words = (host, set, choose) => {
  const unknown = new Set(set.unknown), continued = new Set(set.continued);
  const buttons = set.labels.map((label, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "word";
    button.classList.toggle("unknown", unknown.has(i));
    button.classList.toggle("continued", continued.has(i));
    button.textContent = label;
    button.addEventListener("click", () => choose(i));
    return button;
  });
  host.classList.add("words");
  host.append(...buttons);
  host.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key], next = buttons[buttons.indexOf(document.activeElement) + step];
    if (!step || !next) return;
    event.preventDefault();
    next.focus();
  });
  return {
    show(scores, { query, signed, threshold }) {
      buttons.forEach((button, i) => {
        const score = scores[i], drawn = Math.abs(score) >= threshold;
        const ground = (signed ? signedColour : weightColour)(drawn ? score : 0);
        button.style.background = ground;
        button.style.color = inkOn(ground);
        button.classList.toggle("query", i === query);
        const told = `${set.labels[i]}: ${score.toFixed(3).replace(/^-(0\.0*)$/, "$1")}${unknown.has(i) ? ", never seen in training" : ""}`;
        button.title = told;
        button.setAttribute("aria-label", told);
      });
    },
    select(i) {
      buttons.forEach((button, j) => button.setAttribute("aria-pressed", String(i === j)));
    },
  };
};
