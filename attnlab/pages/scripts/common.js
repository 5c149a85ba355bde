"use strict";

/** The facts and arrays that Python's `packed` wrote into an element: {facts, arrays}; arrays by name, each
 * {shape, values}, values a typed array (float16 as Float32Array). */
async function unpack(id) {
  const text = document.getElementById(id).textContent.trim();
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const buffer = await new Response(stream).arrayBuffer();
  const size = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
  const arrays = {};
  let at = 4 + size + ((-size % 4) + 4) % 4;
  for (const [name, type, shape] of header.arrays) {
    const count = shape.reduce((product, length) => product * length, 1);
    const [kind, width] = TYPES[type];
    const stored = new kind(buffer, at, count);
    arrays[name] = { shape, values: type === "float16" ? Float32Array.from(stored, fromHalf) : stored };
    at += Math.ceil((count * width) / 4) * 4;
  }
  return { facts: header.facts, arrays };
}

const TYPES = { float32: [Float32Array, 4], float16: [Uint16Array, 2], uint8: [Uint8Array, 1], int32: [Int32Array, 4] };

function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** An element: make("button", {type: "button", class: "copy"}, "Copy", child). Texts are text, never HTML; an attribute whose value is
 * null or false is left out; `on…` attributes are functions. */
function make(tag, attributes = {}, ...children) {
  const svg = ["svg", "g", "path", "line", "rect", "circle", "text", "title", "polyline"].includes(tag);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.replace(/^on/, ""), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

// ---- Colours: those of style.css, so that the scale beside a picture shows the same.

const SCALES = { weight: [0, 1 / 16, 1 / 4, 9 / 16, 1], signed: [-1, -0.5, 0, 0.5, 1] };
let known = {};
const themeChanged = [];

/** A weight from 0 to 1 as a CSS colour, 0 as the ground of the page; the steps below 1/4 are finer. */
function weightColour(weight) { return colourOf("weight", weight); }

/** A score from −1 (orange) over 0 (the ground) to 1 (blue) as a CSS colour. */
function signedColour(score) { return colourOf("signed", score); }

/** Black or white, whichever has the larger contrast with `colour`, which is one of the above. */
function inkOn(colour) {
  const [red, green, blue] = colour.match(/\d+/g).map((part) => (part / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000" : "#fff";
}

function colourOf(scale, value) {
  const stops = SCALES[scale], colours = (known[scale] ??= stops.map((_, i) => hex(`--${scale}-${i}`)));
  const inside = Math.min(stops.at(-1), Math.max(stops[0], value || 0));
  const i = Math.max(1, stops.findIndex((stop) => stop >= inside));
  const share = (inside - stops[i - 1]) / (stops[i] - stops[i - 1]);
  return `rgb(${colours[i].map((end, j) => Math.round(colours[i - 1][j] + share * (end - colours[i - 1][j]))).join(", ")})`;
}

function hex(variable) {
  const text = getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
  return [1, 3, 5].map((at) => parseInt(text.length === 4 ? text[(at + 1) / 2].repeat(2) : text.slice(at, at + 2), 16));
}

/** Calls `draw` whenever the page changes between light and dark, printing included. */
function onTheme(draw) { themeChanged.push(draw); }

for (const query of ["(prefers-color-scheme: dark)", "print"]) {
  matchMedia(query).addEventListener("change", () => { known = {}; for (const draw of themeChanged) draw(); });
}

// ---- A text beside what is pointed at, or reached by the keyboard.

const tip = {
  /** x, y: pixels of the window. */
  show(text, x, y) {
    this.element ??= document.body.appendChild(make("div", { class: "tip", role: "status" }));
    this.element.hidden = false;
    this.element.textContent = text;
    const { width, height } = this.element.getBoundingClientRect();
    this.element.style.left = `${Math.max(4, Math.min(x + 12, innerWidth - width - 8))}px`;
    this.element.style.top = `${y - height - 10 < 4 ? y + 16 : y - height - 10}px`;
  },
  beside(element, text) {
    const box = element.getBoundingClientRect();
    this.show(text, box.left + box.width / 2, box.top);
  },
  hide() { if (this.element) this.element.hidden = true; },
};
addEventListener("keydown", (event) => event.key === "Escape" && tip.hide());
addEventListener("scroll", () => tip.hide(), { passive: true, capture: true });

/** Texts for elements below `root` that have `data-tip`: where the pointer is, and where the keyboard's focus is. */
function tips(root = document.body) {
  const found = (event) => event.target.closest?.("[data-tip]");
  root.addEventListener("pointerover", (event) => found(event) && tip.show(found(event).dataset.tip, event.clientX, event.clientY));
  root.addEventListener("pointerout", (event) => found(event) && tip.hide());
  root.addEventListener("focusin", (event) => found(event) && tip.beside(found(event), found(event).dataset.tip));
  root.addEventListener("focusout", () => tip.hide());
}

/** The titles of a chart's marks as such texts; the chart takes the focus, and arrow keys go from mark to mark. */
function chartKeys(svg) {
  if (svg.hasAttribute("tabindex")) return;
  svg.setAttribute("tabindex", "0");
  for (const title of svg.querySelectorAll("title")) {
    title.parentNode.dataset.tip = title.textContent;
    title.remove();
  }
  const marks = [...svg.querySelectorAll(".point, .bar")];
  if (!marks.length) marks.push(...svg.querySelectorAll("[data-tip]"));
  let at = -1;
  const leave = () => { marks[at]?.classList.remove("here"); tip.hide(); };
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -marks.length, End: marks.length }[event.key];
    if (!step || !marks.length) return;
    event.preventDefault();
    leave();
    at = Math.min(marks.length - 1, Math.max(0, at + step));
    marks[at].classList.add("here");
    tip.beside(marks[at], marks[at].dataset.tip);
  });
  svg.addEventListener("blur", () => { leave(); at = -1; });
}

// ---- Tables, commands, figures.

/** Heads of the table become buttons that sort; numbers by size, also with units behind them, and what is empty comes last. */
function sortable(table) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = make("button", { type: "button" }, ...head.childNodes);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const keyed = [...body.rows].map((row) => [sortKey(row.cells[column]), row]);
      const numbers = keyed.every(([key]) => key === "" || !Number.isNaN(asNumber(key)));
      const compare = numbers ? (a, b) => asNumber(a) - asNumber(b) : (a, b) => a.localeCompare(b, undefined, { numeric: true });
      keyed.sort(([a], [b]) => (a === "" || b === "" ? (a === "") - (b === "") : (descending ? -1 : 1) * compare(a, b)));
      body.append(...keyed.map(([, row]) => row));
    });
  });
}

function sortKey(cell) { return (cell?.dataset.sort ?? cell?.textContent ?? "").trim(); }

function asNumber(text) {
  const found = /^[+\-−]?[\d,]*\.?\d+(e[+-]?\d+)?(?=$|\s|%|±)/i.exec(text);
  return found ? Number(found[0].replaceAll(",", "").replace("−", "-")) : NaN;
}

/** A button that copies the text of a <pre>. */
function copyable(pre) {
  const text = pre.textContent.trim();
  const button = make("button", { type: "button", class: "copy" }, "Copy");
  button.addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; }
    catch {
      getSelection().selectAllChildren(pre.querySelector("code") ?? pre);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  pre.append(button);
}

/** A file for the reader: content a Blob or a text. */
function download(content, name) {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type: "text/plain" }));
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

const STYLES = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linejoin", "stroke-linecap",
  "opacity", "paint-order", "font-family", "font-size", "font-weight", "font-style", "text-anchor", "dominant-baseline", "display", "visibility"];

/** As red, green, blue and opacity, which every program reads; browsers compute mixed colours as `oklab(…)`. */
function plainColour(colour) {
  if (!/^(oklab|oklch|lab|lch|color)\(/.test(colour)) return colour;
  const context = make("canvas", { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue, opacity] = context.getImageData(0, 0, 1, 1).data;
  return `rgba(${red}, ${green}, ${blue}, ${opacity / 255})`;
}

/** An SVG of the page as a file of its own: with the styles as they are now, its titles, and the page's ground behind it. */
function svgText(svg) {
  const copy = svg.cloneNode(true), originals = [svg, ...svg.querySelectorAll("*")], copies = [copy, ...copy.querySelectorAll("*")];
  originals.forEach((element, i) => {
    const style = getComputedStyle(element);
    copies[i].setAttribute("style", STYLES.map((name) => `${name}:${plainColour(style.getPropertyValue(name))}`).join(";"));
    for (const name of ["class", "tabindex", "data-key"]) copies[i].removeAttribute(name);
    if (element.dataset?.tip) copies[i].prepend(make("title", {}, element.dataset.tip));
    copies[i].removeAttribute("data-tip");
  });
  const box = svg.viewBox.baseVal?.width ? svg.viewBox.baseVal : { x: 0, y: 0, width: svg.clientWidth, height: svg.clientHeight };
  const ground = getComputedStyle(document.body).backgroundColor;
  copy.prepend(make("rect", { x: box.x, y: box.y, width: box.width, height: box.height, fill: ground }));
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", box.width);
  copy.setAttribute("height", box.height);
  return new XMLSerializer().serializeToString(copy);
}

/** A Blob of image/png, of an SVG at twice its size. */
async function pngOf(picture) {
  let canvas = picture;
  if (!(picture instanceof HTMLCanvasElement)) {
    const image = new Image();
    image.src = URL.createObjectURL(new Blob([svgText(picture)], { type: "image/svg+xml" }));
    await image.decode();
    URL.revokeObjectURL(image.src);
    canvas = make("canvas", { width: 2 * image.width, height: 2 * image.height });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  }
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

/** The buttons of a figure save its SVG or canvas, whichever comes first. */
function savable(figure) {
  const box = figure.querySelector(".save"), picture = () => figure.querySelector("svg, canvas");
  if (!box) return;
  box.hidden = false;
  box.addEventListener("pointerenter", () => {
    box.querySelector("[data-save=svg]").hidden = picture() instanceof HTMLCanvasElement;
  });
  box.querySelector("[data-save=svg]").hidden = picture() instanceof HTMLCanvasElement;
  for (const button of box.querySelectorAll("[data-save]")) {
    button.addEventListener("click", async () => {
      const kind = button.dataset.save, shown = picture();
      if (!shown) return;
      const content = kind === "png" ? await pngOf(shown) : new Blob([svgText(shown)], { type: "image/svg+xml" });
      download(content, `${figure.dataset.file || "figure"}.${kind}`);
    });
  }
}

// ---- Matrices.

/** A matrix on a canvas: each value a cell of whole pixels, its colour absolute (never stretched to the largest value).
 *
 * values: rows × columns, row after row. colour: `weightColour`, or `signedColour` for −1…1. label: what it shows, for those who don't see it.
 * tell(row, column, value): the text beside a cell. onCell(row, column): called where the pointer or the arrow keys go, with (null, null) when they
 * leave; onPick(row, column): at a click or Enter. largest: side of a cell at the most, in pixels of the page.
 * Returns {draw(values), mark(row, column)}: other values of the same shape; a frame around a cell, a row (column null), a column, or nothing. */
function matrix(canvas, { rows, columns, values, colour = weightColour, label = "", tell = null, onCell = null, onPick = null, largest = 28 }) {
  const context = canvas.getContext("2d");
  const low = colour === signedColour ? -1 : 0;
  let cell = 1, at = null, marked = null;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  canvas.tabIndex = 0;

  function draw(other = values) {
    values = other;
    const density = devicePixelRatio || 1, wide = canvas.parentElement.clientWidth || 600;
    cell = Math.max(1, Math.min(Math.floor((wide * density) / columns), Math.round(largest * density)));
    canvas.width = columns * cell;
    canvas.height = rows * cell;
    canvas.style.width = `${canvas.width / density}px`;
    canvas.style.height = `${canvas.height / density}px`;
    const colours = Array.from({ length: 1025 }, (_, i) => colour(low + (i / 1024) * (1 - low)).match(/\d+/g).map(Number));
    const picture = new ImageData(columns, rows);
    for (let i = 0; i < rows * columns; i++) {
      const share = Math.min(1, Math.max(0, (values[i] - low) / (1 - low))) || 0;
      picture.data.set(colours[Math.round(1024 * share)], 4 * i);
      picture.data[4 * i + 3] = 255;
    }
    const small = make("canvas", { width: columns, height: rows });
    small.getContext("2d").putImageData(picture, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
    if (marked) frame(...marked, 1);
    if (at) frame(...at, 2);
  }

  function frame(row, column, thick) {
    const width = thick * Math.max(1, Math.round(devicePixelRatio || 1));
    context.strokeStyle = getComputedStyle(canvas).color;
    context.lineWidth = width;
    context.strokeRect((column ?? 0) * cell + width / 2, (row ?? 0) * cell + width / 2,
      (column === null ? columns : 1) * cell - width, (row === null ? rows : 1) * cell - width);
  }

  function go(place, x, y) {
    if (place && at && place[0] === at[0] && place[1] === at[1]) return;
    at = place;
    draw();
    if (!at) tip.hide();
    else if (tell) tip.show(tell(...at, values[at[0] * columns + at[1]]), x, y);
    onCell?.(...(at ?? [null, null]));
  }

  function under(event) {
    const box = canvas.getBoundingClientRect();
    const row = Math.floor(((event.clientY - box.top) / box.height) * rows), column = Math.floor(((event.clientX - box.left) / box.width) * columns);
    return row >= 0 && row < rows && column >= 0 && column < columns ? [row, column] : null;
  }

  canvas.addEventListener("pointermove", (event) => go(under(event), event.clientX, event.clientY));
  canvas.addEventListener("pointerleave", () => go(null));
  canvas.addEventListener("blur", () => go(null));
  canvas.addEventListener("click", (event) => { const place = under(event); if (place) onPick?.(...place); });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -columns], End: [0, columns] }[event.key];
    if (event.key === "Enter" && at) onPick?.(...at);
    if (!step) return;
    event.preventDefault();
    const inside = (value, count) => Math.min(count - 1, Math.max(0, value));
    const place = at ? [inside(at[0] + step[0], rows), inside(at[1] + step[1], columns)] : [0, 0];
    const box = canvas.getBoundingClientRect();
    go(place, box.left + ((place[1] + 0.5) / columns) * box.width, box.top + (place[0] / rows) * box.height);
  });
  onTheme(() => draw());
  new ResizeObserver(() => draw()).observe(canvas.parentElement);
  draw();
  return { draw, mark(row, column) { marked = row === null && column === null ? null : [row, column]; draw(); } };
}

for (const table of document.querySelectorAll("table.sortable")) sortable(table);
for (const pre of document.querySelectorAll("pre.command")) copyable(pre);
for (const figure of document.querySelectorAll("figure[data-file]")) savable(figure);
for (const svg of document.querySelectorAll(".chart svg")) chartKeys(svg);
tips();
