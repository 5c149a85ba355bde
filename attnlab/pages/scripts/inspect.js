"use strict";

/* A page of `attnlab inspect`: a column for each run, with one input's answer and what it is due to. Everything that is seen was
 * computed before; the page only chooses what to show. */
(() => {
  const LONGEST_LINES = 60, LONGEST_TABLE = 60, MEAN = -1;
  const KINDS = { encoder: "Among the vectors of the set", cross: "From what is written to the set", decoder: "Among what is written" };
  const STRETCHES = 256; // longer sets are taken out in stretches, not vector by vector (`LONG` in explain/faithfulness.py)
  const MOST_RUNS = 20; // of neighbouring vectors with the same answer, told in a line
  const NEGLIGIBLE = 0.001; // of a logarithm of a probability, or a logit
  const NARROW = { comprehensiveness: "comprehen\u00adsive\u00adness", sufficiency: "suffi\u00adciency" };
  const EXPLAINED_COLUMNS = {
    deletion: "area under the curve of the probability while vectors are taken out, the most important first; small is good",
    insertion: "area under the curve of the probability while only the most important vectors are left; large is good",
    comprehensiveness: "mean loss of probability without the first 5, 10, 20, 30 and 50 % of the vectors; large is good",
    sufficiency: "mean loss of probability with only the first 5, 10, 20, 30 and 50 %; small is good",
    "known evidence found": "the data know which vectors decide the answer: their share among as many vectors ranked first",
  };
  const STATISTICS = ["entropy", "mean distance", "share on itself", "share on neighbours", "largest weight"];

  // --- small tools ------------------------------------------------------------------------------

  const digits = (number, count = 3) => (number === null || Number.isNaN(number) ? "–" : number.toFixed(count).replace(/^-(0\.?0*)$/, "$1"));
  /** A number that is never written as 0 where it isn't. */
  const small = (number) => (Math.abs(number) < 0.0005 && number !== 0 ? number.toExponential(1) : digits(number));
  const short = (text, most = 24) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
  const head = (number) => (number === MEAN ? "mean of heads" : `head ${number + 1}`);
  const largest = (values, count, least = 0) =>
    [...values.keys()].filter((i) => values[i] > least).sort((a, b) => values[b] - values[a]).slice(0, count);

  /** The weights of one layer: whole, or of each row the largest with their places and the sum of the rest. */
  class Weights {
    constructor(arrays, number, facts) {
      Object.assign(this, facts);
      this.whole = arrays[`weights/${number}`]?.values;
      this.index = arrays[`index/${number}`]?.values;
      this.value = arrays[`value/${number}`]?.values;
      this.kept = arrays[`index/${number}`]?.shape[2];
      this.unseen = arrays[`rest/${number}`]?.values;
      this.statistics = arrays[`statistics/${number}`].values;
    }
    row(head, i) {
      const row = new Float32Array(this.keys);
      const heads = head === MEAN ? [...Array(this.heads).keys()] : [head];
      for (const h of heads) {
        const at = h * this.queries + i;
        if (this.whole) for (let j = 0; j < this.keys; j++) row[j] += this.whole[at * this.keys + j] / heads.length;
        else for (let k = at * this.kept; k < (at + 1) * this.kept; k++) row[this.index[k]] += this.value[k] / heads.length;
      }
      return row;
    }
    rest(head, i) {
      if (!this.unseen) return 0;
      const heads = head === MEAN ? [...Array(this.heads).keys()] : [head];
      return heads.reduce((sum, h) => sum + this.unseen[h * this.queries + i], 0) / heads.length;
    }
    told(head) {
      const heads = head === MEAN ? [...Array(this.heads).keys()] : [head];
      return STATISTICS.map((name, s) => [name, heads.reduce((sum, h) => sum + this.statistics[h * STATISTICS.length + s], 0) / heads.length]);
    }
    /** How much of the weights of two heads lies on the same keys: the mean over rows of Σ min(a, b). */
    likeness(head, other, otherHead) {
      const step = Math.max(1, Math.ceil(this.queries / 64));
      let sum = 0, rows = 0;
      for (let i = 0; i < this.queries; i += step, rows++) {
        const a = this.row(head, i), b = other.row(otherHead, i);
        for (let j = 0; j < a.length; j++) sum += Math.min(a[j], b[j]);
      }
      return sum / rows;
    }
  }

  /** A picture within an SVG. */
  function image(address, x, y, width, height) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", "image");
    for (const [name, value] of Object.entries({ href: address, x, y, width, height, preserveAspectRatio: "none" })) made.setAttribute(name, value);
    made.style.imageRendering = "pixelated";
    return made;
  }

  /** Weights as a picture of at most `most` cells on a side, each the largest weight that it stands for; as a data address. */
  function picture(weights, head, most) {
    const { queries, keys } = weights;
    const height = Math.min(queries, most), width = Math.min(keys, most);
    const cells = new Float32Array(height * width);
    for (let i = 0; i < queries; i++) {
      const row = weights.row(head, i), y = Math.floor((i * height) / queries);
      for (let j = 0; j < keys; j++) {
        const at = y * width + Math.floor((j * width) / keys);
        cells[at] = Math.max(cells[at], row[j]);
      }
    }
    const canvas = make("canvas", { width, height }), pixels = new ImageData(width, height);
    const colours = Array.from({ length: 1025 }, (_, step) => weightColour(step / 1024).match(/\d+/g).map(Number));
    for (let at = 0; at < cells.length; at++) {
      const colour = colours[Math.round(1024 * Math.min(1, cells[at]))];
      for (let part = 0; part < 3; part++) pixels.data[4 * at + part] = colour[part];
      pixels.data[4 * at + 3] = 255;
    }
    canvas.getContext("2d").putImageData(pixels, 0, 0);
    return canvas;
  }

  function bars(rows, most, caption = "") {
    return make("table", { class: "bars" }, ...(caption ? [make("caption", {}, caption)] : []), make("tbody", {}, ...rows.map(([name, value, text]) => {
      const bar = make("i");
      bar.style.width = `${(100 * Math.min(1, Math.abs(value) / (most || 1))).toFixed(2)}%`;
      if (value < 0) bar.classList.add("against");
      return make("tr", {}, make("th", { scope: "row", dir: "auto" }, name), make("td", { class: "track" }, make("span", {}, bar)),
        make("td", { class: "number" }, text));
    })));
  }

  function table(heads, rows, numbers = [], hints = {}) {
    return make("table", {},
      make("thead", {}, make("tr", {}, ...heads.map((text, i) => make("th", { scope: "col", class: numbers.includes(i) ? "number" : null, title: hints[i] ?? null }, text)))),
      make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((cell, i) =>
        make(i ? "td" : "th", { scope: i ? null : "row", class: numbers.includes(i) ? "number" : null, dir: "auto" }, cell))))));
  }

  /** Buttons of which one is pressed; the arrow keys move between them. */
  function choice(host, names, chosen, choose, label) {
    const buttons = names.map((name, i) => make("button", { type: "button", "aria-pressed": String(i === chosen), onclick: () => choose(i) }, name));
    host.replaceChildren(...buttons);
    host.setAttribute("role", "group");
    host.setAttribute("aria-label", label);
    arrows(host, buttons);
  }

  /** A method by the name that its sentence begins with. */
  const called = ({ sentence }) => sentence[0].toLowerCase() + sentence.slice(1).split(":")[0];

  function arrows(host, buttons, columns = 0) {
    host.onkeydown = (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns || 1, ArrowUp: -(columns || 1) }[event.key];
      const at = buttons.indexOf(document.activeElement);
      if (!step || at < 0 || !buttons[at + step]) return;
      event.preventDefault();
      buttons[at + step].focus();
    };
  }

  // --- one column -------------------------------------------------------------------------------

  class Column {
    constructor(root, told) {
      this.root = root;
      this.chosen = told; // told(what, number): the other column follows
      this.part = (name) => root.querySelector(`[data-part="${name}"]`);
      this.state = { layer: 0, head: 0, vector: 0, step: 0, threshold: 0.05, top: 0, view: null, method: null, without: null };
      this.part("threshold").addEventListener("input", (event) => this.set({ threshold: Number(event.target.value) }));
      this.part("top").addEventListener("change", (event) => this.set({ top: Number(event.target.value) }));
      this.part("layer").addEventListener("change", (event) => this.set({ layer: Number(event.target.value) }));
      this.part("head").addEventListener("change", (event) => this.set({ head: Number(event.target.value) }));
      this.part("numbers").addEventListener("click", () => this.save());
      this.part("table").addEventListener("toggle", () => this.tableOfWeights());
      for (const [name, step] of [["previous", -1], ["next", 1]])
        this.part(name).addEventListener("click", () => this.step(this.state.step + step));
      for (const [host, name, choose] of [["stepper", "written", (i) => this.step(i)], ["tags", "tags", (i) => this.choose(i)]])
        this.part(host).addEventListener("keydown", (event) => {
          const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key], at = this.state[name === "written" ? "step" : "vector"] + move;
          const button = this.part(name).children[at];
          if (!button) return;
          event.preventDefault();
          choose(at);
          button.focus();
        });
    }

    /** Another input of the same run. */
    show(example) {
      const { facts, arrays } = example;
      this.example = example;
      this.lastKey = null; // of another input's row
      this.facts = facts;
      this.arrays = arrays;
      this.layers = facts.layers.map((layer, number) => new Weights(arrays, number, layer));
      this.labels = facts.drawn.labels;
      this.written = facts.written.map((step) => step.token);
      this.read = ["<s>", ...this.written.slice(0, -1)];
      const own = {};
      for (const [name, array] of Object.entries(arrays)) if (name.startsWith("drawn/")) own[name.slice(6)] = array;
      this.setOf = { ...facts.drawn, arrays: own };
      const first = facts.alignment ?? facts.chosen;
      Object.assign(this.state, { layer: first?.layer ?? 0, head: first?.head ?? 0, vector: facts.question.vector ?? this.vectorToShow(), step: facts.question.step ?? 0,
        method: facts.best ?? facts.methods[0]?.name ?? null, without: null, view: null,
        // Of a minute of sound or 1,000 patches, no weight is large; colours show small ones, where lines between words would hide each other.
        threshold: this.setOf.kind === "words" ? 0.05 : 0 });
      for (const name of ["overview", "one-head", "follow"]) this.part(name).hidden = !this.layers.length;
      this.part("trust").hidden = !facts.methods.length;
      this.part("what-if").hidden = !arrays.without;
      this.part("writing").hidden = !this.written.length;
      this.views = {};
      for (const name of ["input", "scored", "left-out"]) this.views[name] = this.view(name);
      this.fillAnswer();
      this.fillOverview();
      this.draw();
    }

    /** The vector that is shown first: the one with the least certain answer, or the first. */
    vectorToShow() {
      const answers = this.facts.answers;
      return answers.length ? answers.reduce((best, answer, i) => ((answer.probability ?? 1) < (answers[best].probability ?? 1) ? i : best), 0) : 0;
    }

    view(name) {
      const host = make("div", { class: "set" });
      this.part(name).replaceChildren(host);
      const chooses = name === "left-out" ? (i) => this.set({ without: i }) : (i) => this.choose(i);
      return VIEWS[this.setOf.kind](host, this.setOf, chooses);
    }

    choose(i) {
      this.set({ vector: i });
      this.chosen("vector", i);
    }

    step(i) {
      if (i < 0 || i >= this.written.length) return;
      const within = this.part("stepper").contains(document.activeElement);
      this.set({ step: i });
      if (within && document.activeElement?.disabled !== false) this.part("written").children[i].focus(); // the arrow was the last one
      this.chosen("step", i);
    }

    follow(what, i) {
      if (i < (what === "vector" ? this.labels : this.written).length) this.set({ [what]: i });
    }

    set(changes) {
      Object.assign(this.state, changes);
      this.draw();
    }

    get weights() {
      return this.layers[this.state.layer];
    }

    /** A text with its number from 1, unless it ends in that. */
    named(texts, i) {
      return texts[i].endsWith(` #${i + 1}`) || texts[i] === `#${i + 1}` ? `“${short(texts[i])}”` : `“${short(texts[i])}” (${i + 1})`;
    }

    /** What the rows and the columns of a layer are called. */
    names(layer) {
      return { encoder: [this.labels, this.labels], cross: [this.written, this.labels], decoder: [this.written, this.read] }[layer.kind];
    }

    get query() {
      return this.weights?.kind === "encoder" ? this.state.vector : this.state.step;
    }

    draw() {
      this.drawAnswer();
      if (this.layers.length) {
        this.drawOverview();
        this.drawHead();
        this.drawFollow();
      }
      if (this.facts.methods.length) this.drawTrust();
      if (this.arrays.without) this.drawWhatIf();
    }

    // --- the answer

    fillAnswer() {
      const { facts } = this;
      this.part("notes").replaceChildren(...facts.notes.map((text) => make("li", {}, text)));
      const runs = facts.answers.reduce((found, { text }, i) => {
        if (found.at(-1)?.text === text) found.at(-1).last = i;
        else found.push({ text, first: i, last: i });
        return found;
      }, []);
      const told = runs.slice(0, MOST_RUNS).map(({ text, first, last }) => `${text} ${this.labels[first]}${last > first ? ` – ${this.labels[last]}` : ""}`);
      this.part("text").textContent = facts.answers.length ? `${told.join(", ")}${runs.length > MOST_RUNS ? ", …" : ""}` : facts.answer;
      this.part("text").classList.toggle("of-vectors", facts.answers.length > 0);
      this.part("text").hidden = facts.answers.length > 0 && this.setOf.kind === "words";
      this.part("told").replaceChildren(...facts.told.map((text) => make("li", { dir: "auto" }, text)));
      this.part("written").replaceChildren(...facts.written.map(({ token, probability }, i) => make("button",
        { type: "button", class: "word", title: `${token}: ${digits(probability)}`, onclick: () => this.step(i) }, token)));
      this.part("tags").replaceChildren(...facts.answers.map(({ text, probability, right }, i) => make("button",
        { type: "button", class: `tagged${right !== null && right !== text ? " wrong" : ""}`, onclick: () => this.choose(i),
          title: `${this.labels[i]}: ${text} ${digits(probability)}${right !== null && right !== text ? `, right would be ${right}` : ""}` },
        make("bdi", {}, this.labels[i]), make("small", {}, text))));
      this.part("tags").hidden = !facts.answers.length || this.setOf.kind !== "words";
    }

    drawAnswer() {
      const { facts, state } = this;
      const mark = (name, chosen) => [...this.part(name).children].forEach((button, i) => button.setAttribute("aria-pressed", String(i === chosen)));
      mark("tags", state.vector);
      mark("written", state.step);
      this.part("previous").disabled = state.step === 0;
      this.part("next").disabled = state.step >= this.written.length - 1;
      let rows = facts.classes, of = "";
      if (facts.written.length) {
        const { token, others } = facts.written[state.step];
        [rows, of] = [others, `Token ${state.step + 1} of ${this.written.length}, “${token}”, and what else it could have been`];
      } else if (facts.answers.length) {
        [rows, of] = [facts.answers[state.vector].others, `The answer about “${this.labels[state.vector]}”, vector ${state.vector + 1}`];
      }
      this.part("of").textContent = of;
      this.part("classes").replaceChildren(bars(rows.map(([name, p]) => [name, p, digits(p)]), 1));
    }

    // --- layers × heads

    fillOverview() {
      const host = this.part("grid"), aligned = this.facts.alignment;
      this.part("aligned").textContent = aligned ? `Layer ${this.layers[aligned.layer].number}, head ${aligned.head + 1} comes closest to an alignment (${digits(aligned.score, 2)} of 1; at 1, each token looks at one ${this.setOf.kind === "words" ? "source word" : "source vector"} only, and no two at the same).` : "";
      host.replaceChildren();
      for (const kind of Object.keys(KINDS)) {
        const layers = this.layers.filter((layer) => layer.kind === kind);
        if (!layers.length) continue;
        const buttons = [], lines = layers.map((layer) => make("div", { class: "row" }, make("span", { class: "name" }, `layer ${layer.number}`), ...Array.from({ length: layer.heads }, (_, h) => {
          const [entropy, , self] = layer.told(h).map(([, value]) => digits(value, 2));
          const label = `${KINDS[kind]}, layer ${layer.number}, head ${h + 1}: entropy ${entropy}, on itself ${self}`;
          const button = make("button", { type: "button", class: "thumbnail", "aria-label": label, title: label,
            onclick: () => this.set({ layer: this.layers.indexOf(layer), head: h }) }, picture(layer, h, 48));
          button.of = [this.layers.indexOf(layer), h];
          buttons.push(button);
          return button;
        })));
        const block = make("div", { class: "block" }, make("h3", {}, KINDS[kind]), ...lines);
        arrows(block, buttons, layers[0].heads);
        host.append(block);
      }
    }

    drawOverview() {
      for (const button of this.part("grid").querySelectorAll("button"))
        button.setAttribute("aria-pressed", String(button.of[0] === this.state.layer && [button.of[1], MEAN].includes(this.state.head)));
    }

    // --- one head

    drawHead() {
      const { state, weights } = this;
      if (state.head >= weights.heads) state.head = MEAN;
      const select = (name, options, chosen) => {
        this.part(name).replaceChildren(...options.map(([value, text]) => make("option", { value, selected: value === chosen }, text)));
        this.part(name).value = chosen;
      };
      select("layer", this.layers.map((layer, i) => [i, `${layer.kind} ${layer.number}${layer.scope ? `, ${layer.scope}` : ""}`]), state.layer);
      select("head", [MEAN, ...Array(weights.heads).keys()].map((h) => [h, head(h)]), state.head);
      this.part("threshold").value = state.threshold;
      this.part("threshold-told").textContent = digits(state.threshold, 2);
      const views = weights.kind === "decoder" ? ["Lines", "Matrix"] : ["Lines", "Matrix", "On the input"];
      state.view = views.includes(state.view) ? state.view : this.setOf.kind === "words" || weights.kind === "decoder" ? "Lines" : "On the input";
      choice(this.part("views"), views, views.indexOf(state.view), (i) => this.set({ view: views[i] }), "How the weights are drawn");
      this.part("lines").hidden = state.view !== "Lines";
      this.part("matrix").hidden = state.view !== "Matrix";
      this.part("on-input").hidden = state.view !== "On the input";
      const [queries, keys] = this.names(weights);
      this.drawingFocused = ["lines", "matrix"].some((name) => this.part(name).contains(document.activeElement));
      for (const name of ["lines", "matrix"]) this.part(name).replaceChildren(); // so that what is seen is saved
      this.part("lines-note").textContent = "";
      if (state.view === "Lines") this.lines(queries, keys);
      if (state.view === "Matrix") this.matrix(queries, keys);
      if (weights.kind !== "decoder") {
        const row = this.row(this.query);
        this.views.input.show(row, { query: weights.kind === "encoder" ? state.vector : null, signed: false, threshold: state.threshold,
          weight: weights.kind === "encoder" ? (i, j) => this.row(i)[j] : null });
        if (weights.kind === "encoder") this.views.input.select(state.vector);
      }
      this.part("save").hidden = state.view === "On the input" && !this.part("input").querySelector("svg, canvas");
      const known = weights.told(state.head).filter(([, value]) => !Number.isNaN(value)).map(([name, value]) => `${name} ${digits(value, 2)}${name === "entropy" ? " of the largest possible" : ""}`);
      this.part("statistics").textContent = `Layer ${weights.number}, ${head(state.head)}: ${known.join("; ")}. Check: these weights reproduce the layer's output (error ${weights.error.toExponential(1)}).`;
      this.part("statistics").title = "Entropy: how evenly a row's weights are spread; 0, all on one key; 1, the same on every key that may be looked at";
      this.tellRow(this.query);
      this.drawLikeness();
      this.tableOfWeights();
    }

    /** The row of the head that is shown, without what is not among its largest where only some are wanted. */
    row(i) {
      const { state, weights } = this, key = `${state.layer} ${state.head} ${state.top} ${i}`;
      if (this.lastKey === key) return this.lastRow;
      let row = weights.row(state.head, i);
      if (state.top) {
        const kept = new Float32Array(row.length);
        for (const j of largest(row, state.top)) kept[j] = row[j];
        row = kept;
      }
      [this.lastKey, this.lastRow] = [key, row];
      return row;
    }

    tellRow(i, j = null) {
      const { weights, state } = this, [queries, keys] = this.names(weights), row = weights.row(state.head, i);
      const most = j === null ? largest(row, 3, state.threshold).map((k) => `“${short(keys[k])}” ${digits(row[k])}`) : [`“${short(keys[j])}” ${digits(row[j])}`];
      const rest = weights.rest(state.head, i);
      this.part("row").textContent = `${this.named(queries, i)} looks at ${most.join(", ") || "nothing above the threshold"}`
        + (rest > 0.0005 ? `; ${digits(rest)} lies on keys that this page does not hold.` : ".");
    }

    lines(queries, keys) {
      const { state, weights } = this, chosen = this.query, long = queries.length > LONGEST_LINES || keys.length > LONGEST_LINES;
      const own = this.row(chosen);
      const left = long ? [...queries.keys()].slice(Math.max(0, chosen - 12), chosen + 13) : [...queries.keys()];
      const right = long ? largest(own, 30, state.threshold).sort((a, b) => a - b) : [...keys.keys()];
      const width = Math.max(320, Math.min(640, this.part("lines").clientWidth || 640)), letters = Math.floor(width / 29);
      const space = 20, from = 0.3 * width, to = 0.7 * width, height = Math.max(left.length, right.length, 1) * space + 8;
      const y = (k) => 16 + k * space;
      const paths = [];
      for (const [a, i] of left.entries()) {
        if (long && i !== chosen) continue;
        const row = this.row(i);
        for (const [b, j] of right.entries()) {
          if (row[j] < Math.max(state.threshold, 1e-4)) continue;
          const path = make("path", { d: `M${from} ${y(a) - 4}C${from + width / 7} ${y(a) - 4} ${to - width / 7} ${y(b) - 4} ${to} ${y(b) - 4}`, class: i === chosen ? "own" : "other", "stroke-width": (0.75 + 4 * row[j]).toFixed(2),
            "stroke-opacity": (i === chosen ? 0.25 + 0.75 * row[j] : 0.35 * Math.sqrt(row[j])).toFixed(3) });
          path.append(make("title", {}, `${queries[i]} → ${keys[j]}: ${digits(row[j])}`));
          paths.push(path);
        }
      }
      const choose = weights.kind === "encoder" ? (i) => this.choose(i) : (i) => this.step(i);
      const names = left.map((i, a) => make("text", { x: from - 8, y: y(a), "text-anchor": "end", class: i === chosen ? "name chosen" : "name", "data-query": i,
        onclick: () => choose(i), onmousemove: () => this.preview(i) }, short(queries[i], letters)));
      const values = right.map((j, b) => make("text", { x: to + 8, y: y(b), class: "name" }, `${short(keys[j], letters - 2)}${own[j] >= Math.max(state.threshold, 1e-4) ? `  ${digits(own[j])}` : ""}`));
      const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", tabindex: 0, class: "lines", "aria-label": `Lines from ${queries.length} queries to ${keys.length} keys; the arrow keys choose the query` }, ...paths, ...names, ...values);
      svg.addEventListener("mouseleave", () => this.preview(null));
      svg.addEventListener("keydown", (event) => {
        const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (!move || chosen + move < 0 || chosen + move >= queries.length) return;
        event.preventDefault();
        choose(chosen + move);
      });
      this.replaced("lines", svg);
      this.part("lines").dataset.letters = letters;
      this.part("lines-note").textContent = long ? `Of ${queries.length} × ${keys.length} weights, those of the chosen query are drawn.` : "";
    }

    /** A new drawing, with the keyboard's focus where the old one had it. */
    replaced(name, svg) {
      this.part(name).replaceChildren(svg);
      if (this.drawingFocused) svg.focus({ preventScroll: true });
    }

    /** Shows a row while the mouse is on its query. */
    preview(i) {
      this.tellRow(i ?? this.query);
      const queries = this.part("lines").querySelectorAll("[data-query]");
      for (const name of queries) name.classList.toggle("hovered", Number(name.dataset.query) === i);
      if (i === null) return;
      const [, keys] = this.names(this.weights), row = this.row(i);
      const values = [...this.part("lines").querySelectorAll("text.name:not([data-query])")];
      if (values.length === keys.length) values.forEach((text, j) => {
        text.textContent = `${short(keys[j], Number(this.part("lines").dataset.letters) - 2)}${row[j] >= Math.max(this.state.threshold, 1e-4) ? `  ${digits(row[j])}` : ""}`;
      });
    }

    matrix(queries, keys) {
      const { state, weights } = this, most = Math.max(queries.length, keys.length), cell = Math.max(1, Math.min(18, Math.floor(620 / most)));
      const named = cell >= 10, left = named ? 110 : 8, top = named ? 90 : 8;
      const width = keys.length * cell, height = queries.length * cell;
      const shown = state.top || state.threshold ? { queries: queries.length, keys: keys.length, row: (_, i) => this.row(i).map((value) => (value < state.threshold ? 0 : value)) } : weights;
      const cells = image(picture(shown, state.head, 2048).toDataURL(), left, top, width, height);
      const texts = named ? [
        ...queries.map((text, i) => make("text", { x: left - 5, y: top + (i + 0.75) * cell, "text-anchor": "end", class: i === this.query ? "name chosen" : "name", "font-size": 11 }, short(text, 14))),
        ...keys.map((text, j) => make("text", { transform: `translate(${left + (j + 0.8) * cell} ${top - 5}) rotate(-60)`, class: "name", "font-size": 11 }, short(text, 12)))] : [];
      const frame = make("rect", { x: left, y: top, width, height, class: "frame" });
      const row = make("rect", { x: left, y: top + this.query * cell, width, height: cell, class: "mark" });
      const svg = make("svg", { viewBox: `0 0 ${left + width + 8} ${top + height + 8}`, width: left + width + 8, height: top + height + 8, role: "img", tabindex: 0, class: "matrix",
        "aria-label": `${queries.length} × ${keys.length} weights, a row for each query; the arrow keys move a cell` }, cells, frame, row, ...texts);
      const choose = weights.kind === "encoder" ? (i) => this.choose(i) : (i) => this.step(i);
      const cellAt = (event) => {
        const box = svg.getBoundingClientRect(), scale = (left + width + 8) / box.width;
        const i = Math.floor(((event.clientY - box.top) * scale - top) / cell), j = Math.floor(((event.clientX - box.left) * scale - left) / cell);
        return i >= 0 && j >= 0 && i < queries.length && j < keys.length ? [i, j] : null;
      };
      svg.addEventListener("mousemove", (event) => {
        const at = cellAt(event);
        if (at) this.tellRow(...at);
      });
      svg.addEventListener("mouseleave", () => this.tellRow(this.query));
      svg.addEventListener("click", (event) => {
        const at = cellAt(event);
        if (at) choose(at[0]);
      });
      let at = [this.query, 0];
      svg.addEventListener("keydown", (event) => {
        const [down, right] = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key] ?? [0, 0];
        const next = [at[0] + down, at[1] + right];
        if (!(down || right) || next[0] < 0 || next[1] < 0 || next[0] >= queries.length || next[1] >= keys.length) return;
        event.preventDefault();
        at = next;
        row.setAttribute("y", top + at[0] * cell);
        this.tellRow(...at);
      });
      this.replaced("matrix", svg);
    }

    drawLikeness() {
      const { state, weights } = this, host = this.part("alike");
      if (state.head === MEAN) return host.replaceChildren();
      const others = this.layers.flatMap((layer, l) => layer.kind !== weights.kind ? [] : Array.from({ length: layer.heads }, (_, h) => [l, h]))
        .filter(([l, h]) => l !== state.layer || h !== state.head);
      const key = `${state.layer} ${state.head}`;
      if (this.alikeKey !== key || this.alikeOf !== this.example) {
        this.alike = others.map(([l, h]) => [l, h, weights.likeness(state.head, this.layers[l], h)]).sort((a, b) => b[2] - a[2]).slice(0, 3);
        [this.alikeKey, this.alikeOf] = [key, this.example];
      }
      host.replaceChildren(...(this.alike.length ? [make("span", { title: "Heads that put their weight on the same keys: the mean over rows of the sum of the smaller of both weights" }, "Heads like this one (the share of their weight that lies on the same keys): ")] : []), ...this.alike.map(([l, h, share]) => make("button", { type: "button", onclick: () => this.set({ layer: l, head: h }),
        title: `${digits(share, 2)} of the weight lies on the same keys` }, `layer ${this.layers[l].number}, head ${h + 1} (${digits(share, 2)})`)));
    }

    tableOfWeights() {
      const details = this.part("table");
      if (!details.open) return;
      const { weights, state } = this, [queries, keys] = this.names(weights), host = details.querySelector("div");
      if (queries.length <= LONGEST_TABLE && keys.length <= LONGEST_TABLE) {
        host.replaceChildren(make("p", {}, "A row for each query, the vector that looks; a column for each key, one that is looked at."), table(["query", ...keys], queries.map((name, i) => [name, ...[...weights.row(state.head, i)].map((value) => digits(value))]), keys.map((_, j) => j + 1)));
      } else {
        const row = weights.row(state.head, this.query);
        host.replaceChildren(make("p", {}, `The keys, vectors that are looked at, of ${this.named(queries, this.query)}.`), table(["key", "place", "weight"], largest(row, LONGEST_TABLE).map((j) => [keys[j], String(j + 1), digits(row[j])]), [1, 2]));
      }
    }

    // --- which explanation

    /** How to ask about another vector or token: the one that is chosen, where it isn't the explained one. */
    otherQuestion() {
      const { option } = this.facts.question, { asked, chosen, names, one } = this.asked;
      if (!option) return "";
      const other = chosen === asked ? [`another ${one}`, "N"] : [`${this.named(names, chosen)}, which is chosen above`, chosen + 1];
      return ` To ask about ${other[0]}, run inspect again with ${option} ${other[1]}.`;
    }

    /** What is explained, and what is chosen above: numbers of vectors, or of written tokens; their names; what one is called. */
    get asked() {
      const { question } = this.facts, { state, setOf } = this;
      return question.option === "--token" ? { asked: question.step, chosen: state.step, names: this.written, one: "token" }
        : { asked: question.vector, chosen: state.vector, names: this.labels, one: setOf.one };
    }

    /** The scores of what is chosen, by a method that needs nothing but the weights that the page holds; as `AttentionScores` in
     * explain/methods.py defines them. null where there is another method, or nothing else is chosen. */
    scoresOfChosen(method) {
      const { asked, chosen } = this.asked, of = (kind) => this.layers.filter((layer) => layer.kind === kind);
      const encoder = of("encoder"), cross = of("cross"), needed = [...encoder, ...cross];
      if (!this.facts.question.option || chosen === asked || !["attention", "rollout"].includes(method) || !needed.length || needed.some((layer) => !layer.whole)) return null;
      const looking = cross.length ? cross : encoder, mean = new Float32Array(this.labels.length);
      for (const layer of looking) layer.row(MEAN, chosen).forEach((weight, j) => (mean[j] += weight / looking.length));
      if (method === "attention") return mean;
      let start = cross.length ? mean : Float32Array.from(mean, (_, j) => Number(j === chosen));
      for (const layer of encoder.toReversed()) {
        const next = start.map((share) => share / 2); // the residual stream
        start.forEach((share, i) => layer.row(MEAN, i).forEach((weight, j) => (next[j] += (share * weight) / 2)));
        start = next;
      }
      return start;
    }

    drawTrust() {
      const { facts, arrays, state } = this, found = facts.methods.some((method) => method.found !== null);
      this.part("verdict").textContent = facts.verdict;
      this.part("question").textContent = `${facts.question.text}${this.otherQuestion()}`;
      this.part("trusted").textContent = facts.question.subject;
      const names = Object.keys(EXPLAINED_COLUMNS).slice(0, found ? 5 : 4);
      const heads = ["method", ...names.map((name) => `${NARROW[name] ?? name} ${["deletion", "sufficiency"].includes(name) ? "↓" : "↑"}`)];
      const buttons = facts.methods.map((method) => make("button", { type: "button", class: "plain", "aria-pressed": String(method.name === state.method), title: method.sentence, "data-method": method.name,
        onclick: () => this.set({ method: method.name }) }, called(method)));
      const focused = this.part("methods").contains(document.activeElement);
      const made = table(heads, facts.methods.map((method, i) => [buttons[i], ...[method.deletion_area, method.insertion_area, method.comprehensiveness, method.sufficiency, ...(found ? [method.found] : [])].map((value) => digits(value))]), heads.map((_, i) => i).slice(1), ["how vectors are ranked", ...names.map((name) => EXPLAINED_COLUMNS[name])]);
      this.part("columns").replaceChildren(...names.map((name) => make("li", {}, make("b", {}, name), `: ${EXPLAINED_COLUMNS[name]}.`)));
      [...made.tBodies[0].rows].forEach((row, i) => {
        row.classList.toggle("chosen", facts.methods[i].name === state.method);
        row.classList.toggle("compared", ["random", "position"].includes(facts.methods[i].name));
      });
      arrows(made, buttons);
      this.part("methods").replaceChildren(made);
      const number = facts.methods.findIndex((method) => method.name === state.method), method = facts.methods[number];
      if (focused) buttons[number].focus();
      this.part("method").textContent = method.sentence + (method.signed ? ". Below 0, a vector speaks against the answer." : ".")
        + (method.completeness === null ? "" : ` The scores' sum differs from the change of the answer by ${digits(100 * method.completeness, 1)} %.`);
      const length = this.labels.length, followed = this.scoresOfChosen(method.name);
      const scores = followed ?? arrays.scores.values.slice(number * length, (number + 1) * length);
      const most = scores.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      const nothing = facts.probabilities && method.signed && most < NEGLIGIBLE;
      const drawable = method.name !== "random" && most > 0 && !nothing, one = this.setOf.one;
      this.part("scored").hidden = this.part("scored-scale").hidden = !drawable;
      this.views.scored.show(scores.map((score) => (drawable ? score / most : 0)), { query: followed && facts.question.vector !== null ? state.vector : facts.question.vector, signed: method.signed, threshold: 0, weight: null, relevance: true });
      const whose = followed ? ` These scores are about ${this.named(this.asked.names, this.asked.chosen)}, which is chosen above; the table and the curves are about ${this.named(this.asked.names, this.asked.asked)}.` : "";
      const evidence = whose || !facts.evidence.length ? whose : ` Known to decide the answer: ${facts.evidence.map((i) => this.named(this.labels, i)).join(", ")}.`;
      this.part("scored-note").textContent = method.name === "random" ? "Not drawn: it has no order of its own."
        : nothing || !most ? `${method.name === "leave_one_out" ? `No ${one} alone changes the answer` : `No ${one} has a score`}${most ? ` by as much as ${NEGLIGIBLE}, so that nothing is drawn` : ""}.${evidence}`
        : `The largest score, ${small(most)}, is drawn as 1.${evidence}`;
      const compared = ["random", "position"].map((name) => facts.methods.findIndex((other) => other.name === name)).filter((n) => n >= 0 && n !== number);
      for (const name of ["deletion", "insertion"]) {
        const count = arrays.shares.values.length, curve = (n) => [...arrays[name].values.slice(n * count, (n + 1) * count)];
        this.part(name).replaceChildren(this.curves([...arrays.shares.values], [[number, "s1"], ...compared.map((n, k) => [n, `s7 ${k ? "dotted" : "dashed"}`])].map(([n, look]) => [called(facts.methods[n]), look, curve(n)])));
      }
      const shown = facts.question.curve;
      this.part("deletion-told").textContent = `Deletion: ${shown}, by the share of vectors taken out`;
      this.part("insertion-told").textContent = `Insertion: ${shown}, by the share of vectors that are left`;
    }

    curves(shares, lines) {
      const width = 320, row = 15, left = 40, right = 10, top = 12, bottom = 24 + row * lines.length, height = 166 + bottom;
      const all = lines.flatMap(([, , values]) => values), low = Math.min(0, ...all), most = Math.max(...all, 1e-9);
      const high = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1].find((limit) => limit >= most) ?? most;
      const x = (share) => left + share * (width - left - right), y = (value) => top + ((high - value) / (high - low || 1)) * (height - top - bottom);
      const grid = [0, 0.5, 1].flatMap((part) => {
        const value = low + part * (high - low);
        return [make("line", { class: "grid", x1: left, x2: width - right, y1: y(value), y2: y(value) }), make("text", { x: left - 5, y: y(value) + 4, "text-anchor": "end" }, Number(value.toPrecision(2)).toString())];
      });
      const below = [0, 0.5, 1].map((share) => make("text", { x: x(share), y: height - bottom + 16, "text-anchor": "middle" }, `${100 * share} %`));
      const drawn = lines.map(([name, look, values]) => make("polyline", { class: `curve ${look}`, points: values.map((value, i) => `${x(shares[i]).toFixed(1)},${y(value).toFixed(1)}`).join(" ") }, make("title", {}, name)));
      const legend = lines.map(([name, look], i) => {
        const y = height - row * (lines.length - 1 - i);
        return make("g", { class: look }, make("line", { class: `curve ${look}`, x1: left, x2: left + 20, y1: y - 4, y2: y - 4 }), make("text", { x: left + 26, y }, name));
      });
      const label = lines.map(([name, , values]) => `${name}: ${values.filter((_, i) => i % 5 === 0).map((value) => digits(value, 2)).join(", ")}`).join("; ");
      return make("svg", { viewBox: `0 0 ${width} ${height + 4}`, width, height: height + 4, role: "img", "aria-label": label }, ...grid, ...below, ...drawn, ...legend);
    }

    // --- what if

    drawWhatIf() {
      const { facts, arrays, state } = this, without = arrays.without.values;
      const changes = Float32Array.from(without, (value) => facts.value - value);
      const asked = facts.question.vector, one = this.setOf.one, long = this.labels.length > STRETCHES;
      const most = changes.reduce((a, b) => Math.max(a, Math.abs(b)), 0), nothing = !most || (facts.probabilities && most < NEGLIGIBLE);
      const order = [...changes.keys()].filter((j) => j !== asked).sort((a, b) => Math.abs(changes[b]) - Math.abs(changes[a])).slice(0, 10);
      this.part("left-out-of").textContent = facts.question.subject;
      this.part("left-out-how").textContent = (long ? `Each stretch of neighbouring ${one}s was taken out alone, and the model asked again; every ${one} stands for its stretch.`
        : `Each ${one} was taken out alone, and the model asked again.`) + (asked === null ? "" : ` The ${one} that the answer is about stays.`)
        + (facts.drawn.structure?.length ? ` Those that are left keep their numbers of the whole graph (${facts.drawn.structure.join(", ")}), and lose their edges to what is taken out.` : "") + " Choose one.";
      this.views["left-out"].show(changes.map((change) => (nothing ? 0 : change / most)), { query: asked, signed: true, threshold: 0, weight: null, relevance: true });
      const i = state.without ?? order[0] ?? asked;
      this.views["left-out"].select(i);
      const change = `Without ${this.named(this.labels, i)}${long ? " and what is around it" : ""}, ${facts.valued} goes from ${digits(facts.value)} to ${digits(without[i])}${facts.logarithm ? ` (probability ${digits(Math.exp(facts.value))} → ${digits(Math.exp(without[i]))})` : ""}.`;
      this.part("left-out-told").textContent = (nothing ? `No ${long ? "stretch" : one} alone changes the answer${facts.probabilities ? ` by as much as ${NEGLIGIBLE}` : ""}. ` : "")
        + (i === asked ? `${this.named(this.labels, i)} is the ${one} that the answer is about; it stays.` : change);
      this.part("changes").replaceChildren(...(nothing ? [] : [bars(order.map((j) => [this.named(this.labels, j), changes[j], digits(facts.logarithm ? Math.exp(without[j]) : without[j])]), most,
        `${facts.logarithm ? "The probability" : facts.valued[0].toUpperCase() + facts.valued.slice(1)} without ${long ? "each of these and what is around it" : "each of these"}; bars: the change`)]));
    }

    // --- follow one vector

    drawFollow() {
      const { weights, arrays, state, facts } = this, host = this.part("followed"), number = state.layer;
      const sizes = arrays[`keys/${number}`]?.shape;
      if (!sizes) return host.replaceChildren(make("p", {}, facts.unfollowed));
      const h = state.head === MEAN ? 0 : state.head, i = this.query, [queries, keys] = this.names(weights), width = sizes[2];
      const vector = (name, at) => arrays[`${name}/${number}`].values.slice((h * arrays[`${name}/${number}`].shape[1] + at) * width, (h * arrays[`${name}/${number}`].shape[1] + at + 1) * width);
      const row = weights.row(h, i), sum = arrays[`sums/${number}`].values[h * weights.queries + i], output = new Float32Array(width);
      for (let j = 0; j < row.length; j++) vector("values", j).forEach((value, k) => (output[k] += row[j] * value));
      const length = (values) => Math.hypot(...values), most = largest(row, 8);
      const scored = most.map((j) => [this.named(keys, j), strip(vector("keys", j)), digits(Math.log(row[j]) + sum, 2), digits(row[j]), digits(length(vector("values", j)), 2), digits(row[j] * length(vector("values", j)), 2)]);
      const adds = Array.from({ length: weights.heads }, (_, other) => arrays[`adds/${number}`].values[other * weights.queries + i]);
      const before = arrays[`before/${number}`].values[i], after = arrays[`after/${number}`].values[i];
      const steps = [
        make("li", {}, `The query of ${this.named(queries, i)}, what it looks for, in layer ${weights.number}, head ${h + 1}: ${width} numbers, length ${digits(length(vector("queries", i)), 2)}.`, strip(vector("queries", i))),
        make("li", {}, "It is compared with the key of every vector, what that offers; the scores, with what positions add, become weights by softmax. The largest:", make("div", { class: "wide" }, table(["key", "its numbers", "score", "weight", "length of its value", "weight × length"], scored, [2, 3, 4, 5]))),
        make("li", {}, `The values, each times its weight, add up to the head's output, of length ${digits(length(output), 2)}.`, strip(output)),
        make("li", {}, `Through W^O each head adds to the vector, which had the length ${digits(before, 2)} before the layer and has ${digits(after, 2)} after it. Lengths of what the heads add:`, bars(adds.map((value, other) => [`head ${other + 1}`, value, digits(value, 2)]), Math.max(...adds))),
      ];
      const lens = facts.lens && weights.kind === "encoder" && arrays.lens;
      if (lens) {
        const [layers, length2, classes] = lens.shape, at = (l, c) => lens.values[(l * length2 + i) * classes + c];
        const shown = largest(Float32Array.from({ length: classes }, (_, c) => at(layers - 1, c)), 5, -Infinity);
        steps.push(make("li", {}, "If the output layer read the vector after each layer, with the last norm, its logits would be:", make("div", { class: "wide" }, table(["after layer", ...shown.map((c) => facts.lens[c])], Array.from({ length: layers }, (_, l) => [String(l + 1), ...shown.map((c) => digits(at(l, c), 2))]), shown.map((_, c) => c + 1)))));
      }
      host.replaceChildren(make("ol", {}, ...steps));
    }

    // --- raw numbers

    save() {
      const numbers = {};
      for (const [name, { shape, values }] of Object.entries(this.arrays)) numbers[name] = { shape, values: [...values].map((value) => Number(value.toPrecision(6))) };
      const address = URL.createObjectURL(new Blob([JSON.stringify({ ...this.facts, numbers })], { type: "application/json" }));
      make("a", { href: address, download: "inspect.json" }).click();
      setTimeout(() => URL.revokeObjectURL(address), 1000);
    }
  }

  /** A vector as a strip of cells, the largest number in the strongest colour. */
  function strip(values) {
    const most = Math.max(...values.map(Math.abs)) || 1;
    const canvas = make("canvas", { width: values.length, height: 1, class: "strip", role: "img", "aria-label": `${values.length} numbers up to ${digits(most, 2)}` }), drawing = canvas.getContext("2d");
    values.forEach((value, k) => {
      drawing.fillStyle = signedColour(value / most);
      drawing.fillRect(k, 0, 1, 1);
    });
    return canvas;
  }

  // --- the page ---------------------------------------------------------------------------------

  async function start() {
    const roots = [...document.querySelectorAll("[data-column]")], chooser = document.getElementById("input");
    const columns = roots.map((root) => new Column(root, (what, i) => columns.forEach((column) => column.root !== root && column.follow(what, i))));
    const show = async (number) => {
      const examples = await Promise.all(roots.map((root) => unpack(`set-${number}-${root.dataset.column}`)));
      columns.forEach((column, i) => column.show(examples[i]));
    };
    chooser?.addEventListener("change", () => show(chooser.value));
    onTheme(() => columns.forEach((column) => {
      column.fillOverview();
      column.draw();
    }));
    await show(0);
    document.documentElement.dataset.ready = "true";
  }
  start();
})();
