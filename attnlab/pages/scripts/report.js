/* Reports: pictures and sounds are put where they belong, and a cell of the confusion matrix shows its examples. */

unpack("examples").then(({ facts }) => {
  for (const place of document.querySelectorAll("[data-media]")) {
    place.append(medium(facts.media[Number(place.dataset.media)], place.dataset.alt));
  }
  const table = document.getElementById("matrix");
  if (table) confusionMatrix(table, facts);
});

/** Scores as colours behind their words. */
function colourScores() {
  for (const word of document.querySelectorAll("[data-score]")) {
    const colour = signedColour(Number(word.dataset.score));
    word.style.background = colour;
    word.style.color = inkOn(colour);
  }
}
colourScores();
onTheme(colourScores);

/** A picture or a player. */
function medium({ kind, uri }, key) {
  if (kind === "audio") return make("audio", { controls: true, preload: "metadata", src: uri, "aria-label": `recording ${key}` });
  const image = make("img", { alt: `example ${key}` });
  image.addEventListener("load", () => image.classList.toggle("small", image.naturalWidth <= 32));
  image.src = uri;
  return image;
}

/** An answer with its input, as the list of worst errors has it. */
function exampleItem(one, media) {
  const text = make("div", {});
  if (one.before || one.word || one.after) {
    const input = make("p", { class: "input", dir: "auto" }, one.before ?? "");
    if (one.word) input.append(" ", make("mark", {}, one.word), " ");
    input.append(one.after ?? "");
    text.append(input);
  }
  const answer = make("p", { class: "answer" }, "right: ", make("b", { class: "right", dir: "auto" }, one.gold ?? ""));
  if (one.predicted !== one.gold) answer.append(" · predicted: ", make("b", { class: "wrong", dir: "auto" }, one.predicted ?? ""));
  if (one.probability !== undefined) answer.append(` · probability ${one.probability.toFixed(3)}`);
  text.append(answer, make("p", { class: "key mono" }, make("bdi", {}, one.key ?? ""), one.note ? ` (${one.note})` : ""));
  const item = make("li", {}, text);
  if (one.media !== undefined) item.append(make("div", { class: "medium" }, medium(media[one.media], one.key)));
  const pre = make("pre", { class: "command" }, make("code", {}, one.command ?? ""));
  copyable(pre);
  item.append(make("details", {}, make("summary", {}, "Look inside"), pre));
  return item;
}

/** Colours by share; a chosen cell lists its examples below; arrow keys go from cell to cell. */
function confusionMatrix(table, { shown, cells, media }) {
  const place = document.getElementById("chosen");
  const rows = [...table.tBodies[0].rows].map((row) => [...row.querySelectorAll("button")]);
  const colour = () => {
    for (const button of rows.flat()) {
      const share = Number(button.dataset.share);
      button.style.background = share ? weightColour(share) : "";
      button.style.color = share ? inkOn(weightColour(share)) : "";
    }
  };
  colour();
  onTheme(colour);
  const choose = (button) => {
    for (const other of rows.flat()) other.setAttribute("aria-pressed", String(other === button));
    const numbers = cells[button.dataset.cell] ?? [], said = button.getAttribute("aria-label");
    const list = make("ol", { class: "examples" }, ...numbers.map((number) => exampleItem(shown[number], media)));
    place.replaceChildren(make("h3", {}, said), make("p", {}, `${numbers.length} of them:`), list);
  };
  table.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) choose(button);
  });
  table.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    const row = rows.findIndex((buttons) => buttons.includes(event.target));
    if (!step || row < 0) return;
    event.preventDefault();
    let [i, j] = [row, rows[row].indexOf(event.target)];
    do [i, j] = [i + step[0], j + step[1]]; while (rows[i]?.[j]?.disabled);
    rows[i]?.[j]?.focus();
  });
}
