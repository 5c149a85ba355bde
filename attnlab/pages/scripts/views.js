"use strict";

/* Sound, pictures and graphs as `view.js` describes. Colours are absolute: those of `weightColour`, or of `signedColour`, unless a
 * reader wants the strongest one at the largest weight, since among 1,000 patches no weight is large. Where a score
 * lies on a spectrogram or a picture, these are drawn pale, and the colour is multiplied with them (in the dark, screened onto them), so that
 * both can be seen. */
(() => {
  const TALL = 132, STRIP = 20, AXIS = 20, ROW = 7, LEAST_STEP = 2.5, WIDEST = 16000, LARGEST = 440, BESIDE = 220;
  const MOST_REACHES = 5, MOST_ARCS = 40, NAMED = 7.5;

  const clamp = (number, low, high) => Math.min(high, Math.max(low, number));
  const digits = (number) => number.toFixed(3).replace(/^-(0\.0*)$/, "$1");
  const styled = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const isDark = () => inkOn(weightColour(0)) === "#fff";
  const density = () => devicePixelRatio || 1;
  const drawable = (state, i) => state.scores[i] !== 0 && Math.abs(state.scores[i]) >= state.threshold;
  const most = (state) => state.scores.reduce((largest, score) => Math.max(largest, Math.abs(score)), 0);
  const shade = (state, score) => (state.signed ? signedColour(score) : weightColour(score / state.end));
  const colour = (state, i) => shade(state, state.scores[i]);

  /** The width that an element has, or will have once it is no longer hidden. */
  function room(element) {
    let found = element;
    while (found && !found.clientWidth) found = found.parentElement;
    return found?.clientWidth || 600;
  }

  /** Scores as they were last shown, and which vector is chosen. */
  const nothing = (count) => ({ scores: new Float32Array(count), query: null, signed: false, threshold: 0, weight: null, chosen: null, end: 1 });

  /** A sentence on what is shown. */
  function sentence(set, state) {
    const { scores, query, relevance } = state; // relevance: scores say what an answer is due to, not where a vector looks
    let most = 0;
    for (let i = 1; i < scores.length; i++) if (Math.abs(scores[i]) > Math.abs(scores[most])) most = i;
    const where = scores.length && scores[most] !== 0 ? `${set.labels[most]} (${digits(scores[most])})` : "nothing";
    return query === null || relevance ? `Largest: ${where}.` : `${set.labels[query]} looks most at ${where}; at itself: ${digits(scores[query])}.`;
  }

  /** The scale of weights, and a switch by which it ends at the largest; signed scores have theirs on the page. {element, follow()}. */
  function scale(state, draw) {
    const end = make("span", {}, "1"), box = make("input", { type: "checkbox" });
    const element = make("span", {}, make("span", { class: "scale" }, "0", make("i", { class: "weights" }), end),
      make("label", {}, box, " strongest colour at the largest weight "));
    const follow = () => {
      state.end = box.checked && !state.signed ? most(state) || 1 : 1;
      end.textContent = state.end === 1 ? "1" : digits(state.end);
      element.hidden = state.signed;
    };
    box.addEventListener("change", () => { follow(); draw(); });
    return { element, follow };
  }

  const chosenOf = (state) => state.query ?? state.chosen;
  const hint = (what) => `Choose ${what} to see how much of the whole it depends on.`;

  /** A canvas whose vectors are chosen by the pointer and by keys. at(event): the number of a vector, or null; next(key, i): where a key leads. */
  function choosable(canvas, { set, state, label, at, next, choose }) {
    const text = (i) => `${set.labels[i]}: ${digits(state.scores[i])}`;
    const current = () => clamp(state.query ?? state.chosen ?? 0, 0, set.labels.length - 1);
    for (const [name, value] of Object.entries({ role: "slider", tabindex: 0, "aria-label": label, "aria-valuemin": 1, "aria-valuemax": set.labels.length }))
      canvas.setAttribute(name, value);
    canvas.addEventListener("click", (event) => { const i = at(event); if (i !== null) choose(i); });
    canvas.addEventListener("pointermove", (event) => {
      const i = at(event);
      if (i === null) tip.hide();
      else tip.show(text(i), event.clientX, event.clientY);
    });
    canvas.addEventListener("pointerleave", () => tip.hide());
    canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const to = next(event.key, current());
      if (to === null || to === undefined) return;
      event.preventDefault();
      tip.hide();
      choose(clamp(to, 0, set.labels.length - 1));
    });
    return () => {
      canvas.setAttribute("aria-valuenow", current() + 1);
      canvas.setAttribute("aria-valuetext", set.labels.length ? text(current()) : "");
    };
  }

  const edgeKeys = (key, last) => ({ Home: 0, End: last })[key] ?? null;

  // --- sound --------------------------------------------------------------------------------------

  /** set: seconds, step, features, reach, rate, bits, heard; arrays levels (F, columns), begin, end (L), samples. */
  VIEWS.sound = (host, set, choose) => {
    const count = set.labels.length, { levels, begin, end, samples } = set.arrays, state = nothing(count);
    const reach = bounded(set.reach), total = Math.max(set.seconds, count * set.step, 1e-6);
    const height = STRIP + TALL + 4 + reach.length * ROW + AXIS;
    const canvas = make("canvas"), cursor = make("div", { class: "cursor", hidden: true });
    const inner = make("div", { class: "sounding" }, canvas, cursor), scroller = make("div", { class: "wide" }, inner);
    const told = make("p", { class: "told" }), far = make("p", { class: "told" });
    host.classList.add("sound");
    host.append(scroller, told, ...(reach.length ? [far] : []));
    let width = 600, pale = null;
    const x = (seconds) => (seconds / total) * width;

    const audio = samples ? player(set, samples.values) : null;
    if (audio) {
      host.append(audio);
      if (set.heard < set.seconds - 0.01) host.append(make("p", { class: "told" }, `The page carries the first ${set.heard.toFixed(1)} of ${set.seconds.toFixed(1)} seconds of sound.`));
      const follow = () => {
        cursor.hidden = audio.paused && audio.currentTime === 0;
        cursor.style.transform = `translateX(${x(audio.currentTime).toFixed(1)}px)`;
        if (audio.paused) return;
        visible(x(audio.currentTime));
        requestAnimationFrame(follow);
      };
      for (const name of ["play", "seeked", "timeupdate"]) audio.addEventListener(name, follow);
    }
    const shades = scale(state, () => draw());
    host.append(make("p", { class: "told" }, `${set.features}, low ones below`), make("p", { class: "told" }, shades.element));

    const aria = choosable(canvas, {
      set, state, label: `A recording of ${set.seconds.toFixed(2)} seconds as ${set.features}; the arrow keys move along ${count} vectors`,
      at: (event) => {
        const i = Math.floor(((event.clientX - canvas.getBoundingClientRect().left) / width) * total / set.step);
        return i >= 0 && i < count ? i : null;
      },
      next: (key, i) => ({ ArrowRight: i + 1, ArrowLeft: i - 1, ArrowUp: i + 1, ArrowDown: i - 1, PageDown: i + 10, PageUp: i - 10 })[key] ?? edgeKeys(key, count - 1),
      choose: (i) => {
        state.chosen = i;
        if (audio?.paused) audio.currentTime = Math.min(i * set.step, set.heard);
        choose(i);
        visible(x(i * set.step));
      },
    });

    /** Scrolls to what is at `place` pixels, where it cannot be seen. */
    function visible(place) {
      const { scrollLeft, clientWidth } = scroller;
      if (place < scrollLeft + 20 || place > scrollLeft + clientWidth - 20) scroller.scrollLeft = place - clientWidth / 3;
    }

    /** The spectrogram in greys that leave room for colours. */
    function spectrogram() {
      const [bands, columns] = levels.shape, picture = new ImageData(columns, bands), dark = isDark();
      const [low, high] = dark ? [22, 150] : [255, 120];
      for (let at = 0; at < bands * columns; at++) {
        const grey = low + (levels.values[at] / 255) * (high - low);
        picture.data.set([grey, grey, grey, 255], 4 * at);
      }
      const small = make("canvas", { width: columns, height: bands });
      small.getContext("2d").putImageData(picture, 0, 0);
      return small;
    }

    function draw() {
      const factor = Math.min(density(), WIDEST / width), drawing = canvas.getContext("2d");
      canvas.width = Math.round(width * factor);
      canvas.height = Math.round(height * factor);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
      drawing.scale(factor, factor);
      drawing.imageSmoothingEnabled = false;
      pale ??= spectrogram();
      drawing.drawImage(pale, 0, STRIP, x(set.seconds), TALL);
      const order = [...state.scores.keys()].filter((i) => drawable(state, i)).sort((a, b) => Math.abs(state.scores[a]) - Math.abs(state.scores[b]));
      const wide = Math.max(x(set.step), 1);
      for (const [mode, top, tall] of [["source-over", 0, STRIP - 3], [isDark() ? "screen" : "multiply", STRIP, TALL]]) {
        drawing.globalCompositeOperation = mode;
        for (const i of order) {
          drawing.fillStyle = colour(state, i);
          drawing.fillRect(x(i * set.step), top, wide, tall);
        }
      }
      drawing.globalCompositeOperation = "source-over";
      drawing.strokeStyle = styled("--line");
      drawing.strokeRect(0.5, 0.5, width - 1, STRIP - 4);
      const marked = chosenOf(state);
      if (marked !== null) {
        drawing.strokeStyle = styled("--ink");
        drawing.lineWidth = 2;
        drawing.strokeRect(x(marked * set.step) - 1, 1, Math.max(wide, 3) + 2, STRIP + TALL - 2);
      }
      if (marked !== null) reaches(drawing, marked);
      axis(drawing);
      canvas.dataset.step = wide;
    }

    /** A line below the spectrogram for each layer: from the first to the last sound that the chosen vector depends on. */
    function reaches(drawing, marked) {
      drawing.lineWidth = 2;
      drawing.strokeStyle = styled("--accent");
      reach.forEach(({ before, after }, row) => {
        const [first, last] = span(marked, before, after), y = STRIP + TALL + 5 + row * ROW;
        drawing.beginPath();
        drawing.moveTo(x(first) + 1, y - 3);
        drawing.lineTo(x(first) + 1, y);
        drawing.lineTo(x(last) - 1, y);
        drawing.lineTo(x(last) - 1, y - 3);
        drawing.stroke();
      });
    }

    /** Seconds of what a vector depends on. */
    function span(i, before, after) {
      const first = before === null ? 0 : Math.max(0, i - before), last = after === null ? count - 1 : Math.min(count - 1, i + after);
      return [begin.values[first], end.values[last]];
    }

    function axis(drawing) {
      const places = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120, 300, 600, 3600];
      const apart = places.find((seconds) => x(seconds) >= 56) ?? places.at(-1), top = height - AXIS;
      drawing.fillStyle = styled("--soft");
      drawing.strokeStyle = styled("--faint");
      drawing.lineWidth = 1;
      drawing.font = "12px system-ui, sans-serif";
      for (let k = 0; k * apart <= total; k++) {
        const at = x(k * apart), text = `${Number((k * apart).toFixed(2))} s`, size = drawing.measureText(text).width;
        drawing.beginPath();
        drawing.moveTo(at + 0.5, top);
        drawing.lineTo(at + 0.5, top + 4);
        drawing.stroke();
        drawing.fillText(text, clamp(at - size / 2, 0, width - size), height - 3);
      }
    }

    function tell() {
      told.textContent = sentence(set, state);
      const marked = chosenOf(state);
      if (!reach.length) far.textContent = ""; // every layer sees the whole recording
      else far.textContent = marked === null ? hint("a moment") : `${set.labels[marked]} depends on ${reach.map(({ layer, before, after }) => {
        const [first, last] = span(marked, before, after);
        return `${first.toFixed(2)}–${last.toFixed(2)} s after layer ${layer}`;
      }).join(", ")}${beyondThat(set, reach)}.`;
      aria();
    }

    resized(host, () => {
      const wanted = Math.round(Math.max(room(host), Math.min(count * LEAST_STEP, WIDEST)));
      if (wanted !== width || !canvas.style.width) { width = wanted; draw(); }
    });
    onTheme(() => { pale = null; draw(); });
    return {
      show(scores, shown) {
        Object.assign(state, { scores, ...shown });
        shades.follow();
        draw();
        tell();
      },
      select(i) {
        state.chosen = i;
        draw();
        tell();
      },
    };
  };

  /** The layers after which a vector still does not depend on the whole set: {layer, before, after}; of many, the first and the last. */
  function bounded(reach) {
    const found = reach.map(([before, after], i) => ({ layer: i + 1, before, after })).filter(({ before, after }) => before !== null || after !== null);
    return found.length <= MOST_REACHES ? found : [...found.slice(0, MOST_REACHES - 1), found.at(-1)];
  }

  /** What is to be said of the layers after which there is no bound; `reach` are those that have one, one at least. */
  const beyondThat = (set, reach) => (reach.at(-1).layer < set.reach.length ? ", and on all of it from there on" : "");

  /** Calls `draw` whenever the element gets another width. */
  function resized(element, draw) { new ResizeObserver(() => element.clientWidth && draw()).observe(element); }

  const addresses = new WeakMap();

  /** Samples as a WAV file in an address, for the browser's own player. */
  function player(set, samples) {
    if (!addresses.has(samples)) {
      const bytes = set.bits / 8, file = new DataView(new ArrayBuffer(44 + samples.length));
      const text = (at, letters) => [...letters].forEach((letter, i) => file.setUint8(at + i, letter.charCodeAt(0)));
      text(0, "RIFF");
      file.setUint32(4, 36 + samples.length, true);
      text(8, "WAVEfmt ");
      file.setUint32(16, 16, true);
      file.setUint16(20, 1, true); // whole numbers
      file.setUint16(22, 1, true); // one channel
      file.setUint32(24, set.rate, true);
      file.setUint32(28, set.rate * bytes, true);
      file.setUint16(32, bytes, true);
      file.setUint16(34, set.bits, true);
      text(36, "data");
      file.setUint32(40, samples.length, true);
      const all = new Uint8Array(file.buffer);
      all.set(samples, 44);
      let letters = "";
      for (let at = 0; at < all.length; at += 0x8000) letters += String.fromCharCode(...all.subarray(at, at + 0x8000));
      addresses.set(samples, `data:audio/wav;base64,${btoa(letters)}`);
    }
    return make("audio", { controls: true, preload: "metadata", src: addresses.get(samples), "aria-label": "The recording" });
  }

  // --- pictures -----------------------------------------------------------------------------------

  /** set: height, width, patch, stride, rows, columns, reach; array pixels (h, w, 1 or 3). */
  VIEWS.picture = (host, set, choose) => {
    const { pixels } = set.arrays, { rows, columns, patch, stride, height, width } = set, count = rows * columns;
    const state = nothing(count), reach = bounded(set.reach), canvas = make("canvas"), small = make("canvas", { role: "img" });
    const told = make("p", { class: "told" }), far = make("p", { class: "told" }), shades = scale(state, () => draw());
    // Some pictures use few of the levels that there are, as scanned digits from 0 to 16 do.
    const brightest = pixels.values.reduce((most, level) => Math.max(most, level), 1), brighter = brightest < 100 ? 255 / brightest : 1;
    const plain = copy((level) => level);
    host.classList.add("picture");
    host.append(make("div", { class: "pair" }, canvas, make("div", { class: "beside" }, small, far)), told, make("p", { class: "told" }, shades.element));
    const aria = choosable(canvas, {
      set, state, label: `A picture in ${rows} × ${columns} patches; the arrow keys move between them`,
      at: (event) => {
        const box = canvas.getBoundingClientRect();
        const [row, column] = [(event.clientY - box.top) / box.height * height, (event.clientX - box.left) / box.width * width].map((place) => Math.floor((place - (patch - stride) / 2) / stride));
        return clamp(row, 0, rows - 1) * columns + clamp(column, 0, columns - 1);
      },
      next: (key, i) => {
        const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[key];
        if (!step) return edgeKeys(key, count - 1);
        const row = Math.floor(i / columns) + step[0], column = (i % columns) + step[1];
        return row < 0 || column < 0 || row >= rows || column >= columns ? i : row * columns + column;
      },
      choose: (i) => { state.chosen = i; choose(i); },
    });
    let pale = null;

    /** The picture with its levels changed. */
    function copy(level) {
      const [h, w, channels] = pixels.shape, picture = new ImageData(w, h);
      for (let at = 0; at < h * w; at++) {
        for (let c = 0; c < 3; c++) picture.data[4 * at + c] = level(brighter * pixels.values[at * channels + (channels === 3 ? c : 0)]);
        picture.data[4 * at + 3] = 255;
      }
      const made = make("canvas", { width: w, height: h });
      made.getContext("2d").putImageData(picture, 0, 0);
      return made;
    }

    /** Makes a canvas as large as it may be, with whole pixels for those of the picture where it has few; returns how many. */
    function sized(element, largest) {
      const most = Math.min(largest / height, Math.min(largest, room(host)) / width) * density(), times = most >= 1 ? Math.floor(most) : most;
      element.width = Math.max(1, Math.round(width * times));
      element.height = Math.max(1, Math.round(height * times));
      element.style.width = `${element.width / density()}px`;
      element.style.height = `${element.height / density()}px`;
      const drawing = element.getContext("2d");
      drawing.imageSmoothingEnabled = times < 1 || pixels.shape[0] !== height;
      return [drawing, times];
    }

    /** The cells around the middles of patches: left, top, width, height in pixels of the picture. */
    function cell(i) {
      const margin = (patch - stride) / 2;
      const side = (number, last, whole) => {
        const from = number === 0 ? 0 : number * stride + margin, to = number === last ? whole : (number + 1) * stride + margin;
        return [Math.min(from, whole), Math.min(to, whole)];
      };
      const [top, bottom] = side(Math.floor(i / columns), rows - 1, height), [left, right] = side(i % columns, columns - 1, width);
      return [left, top, right - left, bottom - top];
    }

    /** All pixels of the patches from one row and column to another. */
    function stretch(row, column, lastRow, lastColumn) {
      const [top, left] = [Math.max(0, row) * stride, Math.max(0, column) * stride];
      const [bottom, right] = [Math.min(rows - 1, lastRow) * stride + patch, Math.min(columns - 1, lastColumn) * stride + patch];
      return [left, top, Math.min(width, right) - left, Math.min(height, bottom) - top];
    }

    function outline(drawing, box, times, colours) {
      colours.forEach((name, i) => {
        const thick = (2 - i) * density() * (i === 0 ? 2 : 1.5);
        drawing.strokeStyle = name;
        drawing.lineWidth = thick;
        drawing.strokeRect(...box.map((side) => side * times));
      });
    }

    /** The numbers of the patches in a row or column that cover pixels from one edge to the next: [from, to, numbers]. */
    function bands(patches, whole) {
      const edges = [...new Set(Array.from({ length: patches }, (_, n) => [n * stride, n * stride + patch]).flat().map((edge) => Math.min(edge, whole)))].sort((a, b) => a - b);
      return edges.slice(1).map((to, k) => {
        const from = edges[k];
        return [from, to, [...Array(patches).keys()].filter((n) => n * stride <= from && from < n * stride + patch)];
      }).filter(([, , numbers]) => numbers.length);
    }

    /** Each pixel in the colour of the mean score of the patches that cover it. */
    function colours(drawing, times) {
      const across = bands(columns, width), drawn = state.scores.map((score, i) => (drawable(state, i) ? score : 0));
      for (const [top, bottom, inRows] of bands(rows, height)) for (const [left, right, inColumns] of across) {
        let sum = 0;
        for (const row of inRows) for (const column of inColumns) sum += drawn[row * columns + column];
        if (!sum) continue;
        drawing.fillStyle = shade(state, sum / (inRows.length * inColumns.length));
        drawing.fillRect(left * times, top * times, (right - left) * times, (bottom - top) * times);
      }
    }

    function draw() {
      const [drawing, times] = sized(canvas, LARGEST), dark = isDark();
      pale ??= copy(dark ? (level) => level * 0.5 : (level) => 255 - (255 - level) * 0.5);
      drawing.drawImage(pale, 0, 0, canvas.width, canvas.height);
      drawing.globalCompositeOperation = dark ? "screen" : "multiply";
      colours(drawing, times);
      drawing.globalCompositeOperation = "source-over";
      if (stride * times >= 5 * density()) {
        drawing.strokeStyle = dark ? "rgba(255, 255, 255, .16)" : "rgba(0, 0, 0, .16)";
        drawing.lineWidth = 1;
        for (let i = 0; i < count; i++) drawing.strokeRect(...cell(i).map((side) => Math.round(side * times) + 0.5));
      }
      const marked = chosenOf(state), [row, column] = marked === null ? [] : [Math.floor(marked / columns), marked % columns];
      const lines = [styled("--ground"), styled("--ink")];
      if (marked !== null) outline(drawing, stretch(row, column, row, column), times, lines);
      beside(marked, row, column, lines);
    }

    /** The picture as it is, and of a bounded model what the chosen patch can depend on. */
    function beside(marked, row, column, lines) {
      const [drawing, times] = sized(small, BESIDE);
      drawing.drawImage(plain, 0, 0, small.width, small.height);
      const label = `The picture, ${height} × ${width} pixels`, last = reach.at(-1);
      small.setAttribute("aria-label", label);
      far.textContent = `${label}${brighter > 1 ? " made brighter" : ""}, in patches of ${patch} × ${patch}${stride < patch ? `, ${stride} apart` : ""}.`;
      if (marked === null) {
        if (last) far.textContent += ` ${hint("a patch")}`;
        return;
      }
      const field = (by) => stretch(row - by, column - by, row + by, column + by);
      if (last) {
        const [left, top, wide, tall] = field(last.before).map((side) => side * times);
        drawing.fillStyle = `color-mix(in srgb, ${styled("--ground")} 72%, transparent)`;
        drawing.beginPath();
        drawing.rect(0, 0, small.width, small.height);
        drawing.rect(left, top, wide, tall);
        drawing.fill("evenodd");
        for (const { before } of reach) outline(drawing, field(before), times, [styled("--ground"), styled("--accent")]);
        const sides = (by) => `${Math.min(rows - 1, row + by) - Math.max(0, row - by) + 1} × ${Math.min(columns - 1, column + by) - Math.max(0, column - by) + 1}`;
        far.textContent += ` The chosen patch depends on ${reach.map(({ layer, before }) => `${sides(before)} patches after layer ${layer}`).join(", ")}${beyondThat(set, reach)}.`;
      }
      outline(drawing, stretch(row, column, row, column), times, lines);
    }

    function tell() {
      told.textContent = sentence(set, state);
      aria();
    }

    let last = 0;
    resized(host, () => { if (host.clientWidth !== last) { last = host.clientWidth; draw(); } });
    onTheme(() => { pale = null; draw(); });
    return {
      show(scores, shown) {
        Object.assign(state, { scores, ...shown });
        shades.follow();
        draw();
        tell();
      },
      select(i) {
        state.chosen = i;
        draw();
        tell();
      },
    };
  };

  // --- graphs -------------------------------------------------------------------------------------

  let graphs = 0;

  /** set: names, unknown, reach; arrays places (L, 2), edges (2, E). */
  VIEWS.graph = (host, set, choose) => {
    const count = set.labels.length, { places, edges } = set.arrays, state = nothing(count), id = ++graphs;
    const place = (i) => [places.values[2 * i], places.values[2 * i + 1]], links = edges.shape[1];
    const extent = [0, 1].map((axis) => Math.max(0.01, ...Array.from({ length: count }, (_, i) => places.values[2 * i + axis])));
    const wide = clamp(room(host), 280, 940), unit = clamp(Math.min((wide - 60) / extent[0], 620 / extent[1]), 4, 62);
    const space = Math.sqrt(((extent[0] + 1) * (extent[1] + 1)) / Math.max(count, 1)); // to each side of a node, in edges
    const radius = clamp(unit * Math.min(0.26, 0.22 * space), 2.5, 15), margin = radius + 16, at = (i) => place(i).map((along) => along * unit + margin);
    const size = extent.map((along) => along * unit + 2 * margin);

    // Directed edges, each once: from the key to the query, which looks at it.
    const sources = Array.from({ length: count }, () => new Set());
    const pairs = new Set();
    for (let e = 0; e < links; e++) {
      const [from, to] = [edges.values[e], edges.values[links + e]];
      if (from === to) continue;
      sources[to].add(from);
      pairs.add(Math.min(from, to) * count + Math.max(from, to));
    }
    const bonds = [...pairs].map((pair) => {
      const [[x1, y1], [x2, y2]] = [at(Math.floor(pair / count)), at(pair % count)];
      return make("line", { x1, y1, x2, y2 });
    });
    const arcs = sources.map((keys, query) => [...keys].map((key) => [key, make("path", { d: arc(key, query) })]));

    /** A bow from one node to another; the way back is bowed to the other side. */
    function arc(from, to) {
      const [a, b] = [at(from), at(to)], [dx, dy] = [b[0] - a[0], b[1] - a[1]];
      const middle = [(a[0] + b[0]) / 2 - dy * 0.14, (a[1] + b[1]) / 2 + dx * 0.14];
      const towards = (one, gap) => {
        const length = Math.hypot(middle[0] - one[0], middle[1] - one[1]) || 1;
        return one.map((along, axis) => (along + ((middle[axis] - along) / length) * Math.min(gap, length * 0.8)).toFixed(1));
      };
      return `M${towards(a, radius + 1)}Q${middle.map((along) => along.toFixed(1))} ${towards(b, radius + 4)}`;
    }

    const unknown = new Set(set.unknown);
    const nodes = Array.from({ length: count }, (_, i) => {
      const [x, y] = at(i);
      const ring = make("circle", { class: "self", r: radius + 3 }), disc = make("circle", { class: "disc", r: radius });
      const name = set.names[i] ?? String(i + 1), text = radius >= NAMED ? make("text", { y: "0.35em" }, name.length > 4 ? `${name.slice(0, 3)}…` : name) : null;
      const group = make("g", { class: unknown.has(i) ? "node unknown" : "node", transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`, tabindex: i ? -1 : 0, role: "button", "data-node": i }, ring, disc, ...(text ? [text] : []));
      group.style.fontSize = `${clamp(radius * (name.length > 2 ? 0.72 : 0.95), 7, 14)}px`;
      return { group, ring, disc, text };
    });
    const defs = document.createElementNS("http://www.w3.org/2000/svg", "defs");
    for (const kind of ["own", "other"]) {
      const marker = document.createElementNS("http://www.w3.org/2000/svg", "marker");
      for (const [name, value] of Object.entries({ id: `head-${kind}-${id}`, viewBox: "0 0 8 8", refX: 5, refY: 4, markerWidth: 7, markerHeight: 7, markerUnits: "userSpaceOnUse", orient: "auto" })) marker.setAttribute(name, value);
      marker.append(make("path", { d: "M0 0L8 4L0 8z", class: `head ${kind}` }));
      defs.append(marker);
    }
    const others = make("g", { class: "arcs" });
    const svg = make("svg", { viewBox: `0 0 ${size[0].toFixed(1)} ${size[1].toFixed(1)}`, width: size[0].toFixed(0), height: size[1].toFixed(0), class: "graph", role: "group",
      "aria-label": `A graph of ${count} nodes and ${pairs.size} edges; the arrow keys move between nodes` }, defs,
      make("g", { class: "bonds" }, ...bonds), make("g", { class: "arcs" }, ...arcs.flat().map(([, path]) => path)), others, make("g", {}, ...nodes.map(({ group }) => group)));
    const told = make("p", { class: "told" }), far = make("p", { class: "told" });
    const shades = scale(state, () => draw()), key = make("p", { class: "told" }), bound = set.reach.at(-1)?.[0] ?? null;
    host.append(svg, told, far, make("p", { class: "told" }, shades.element), key);

    const number = (event) => { const found = event.target.closest?.("[data-node]"); return found ? Number(found.dataset.node) : null; };
    svg.addEventListener("click", (event) => { const i = number(event); if (i !== null) go(i); });
    svg.addEventListener("keydown", (event) => {
      const i = number(event);
      if (i === null || event.ctrlKey || event.metaKey || event.altKey) return;
      const direction = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
      const to = direction ? neighbour(i, direction) : { Home: 0, End: count - 1, PageDown: Math.min(count - 1, i + 1), PageUp: Math.max(0, i - 1), Enter: i, " ": i }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      if (to !== null) go(to);
    });

    function go(i) {
      state.chosen = i;
      choose(i);
      nodes[i].group.focus({ preventScroll: true });
    }

    /** The nearest node in a direction, those beside it counting as farther. */
    function neighbour(i, [right, down]) {
      const [x, y] = place(i);
      let best = null, least = Infinity;
      for (let j = 0; j < count; j++) {
        const [dx, dy] = [place(j)[0] - x, place(j)[1] - y], along = dx * right + dy * down, across = Math.abs(dx * down) + Math.abs(dy * right);
        const distance = along + 2.5 * across;
        if (j !== i && along > 1e-6 && across <= 3 * along && distance < least) [best, least] = [j, distance];
      }
      return best;
    }

    function drawArc(path, share, own) {
      const drawn = share !== null && share > 0 && share >= state.threshold;
      path.classList.toggle("absent", !drawn);
      if (!drawn) return;
      path.classList.toggle("own", own);
      path.setAttribute("stroke-width", (0.7 + 5 * share).toFixed(2));
      path.setAttribute("stroke-opacity", (own ? 0.45 + 0.55 * Math.sqrt(share) : 0.15 + 0.6 * Math.sqrt(share)).toFixed(3));
      if (own || radius >= NAMED) path.setAttribute("marker-end", `url(#head-${own ? "own" : "other"}-${id})`);
      else path.removeAttribute("marker-end"); // of many nodes, heads would hide all else
    }

    function draw() {
      const { scores, query, weight } = state, marked = chosenOf(state), near = marked === null || bound === null ? null : within(marked);
      for (const [i, { group, ring, disc, text }] of nodes.entries()) {
        const own = weight?.(i, i) ?? null;
        for (const [j, path] of arcs[i]) drawArc(path, weight?.(i, j) ?? null, i === query);
        const filled = drawable(state, i) ? colour(state, i) : weightColour(0);
        disc.style.fill = filled;
        if (text) text.style.fill = inkOn(filled);
        ring.classList.toggle("absent", own === null || own === 0 || own < state.threshold);
        ring.setAttribute("stroke-width", (0.5 + 5 * (own ?? 0)).toFixed(2));
        group.classList.toggle("chosen", i === marked);
        group.classList.toggle("beyond", near !== null && !near.has(i));
        group.setAttribute("tabindex", i === (marked ?? 0) ? 0 : -1);
        group.setAttribute("aria-pressed", String(i === marked));
        const itself = own === null ? "" : `; weight on itself ${digits(own)}`;
        group.dataset.tip = `${set.labels[i]}: ${digits(scores[i])}${itself}${unknown.has(i) ? "; its name was never seen in training" : ""}`;
        group.setAttribute("aria-label", group.dataset.tip);
      }
      const beyondEdges = weight && query !== null ? [...scores.keys()].filter((j) => j !== query && !sources[query].has(j) && drawable(state, j)) : [];
      const largest = beyondEdges.sort((a, b) => scores[b] - scores[a]).slice(0, MOST_ARCS);
      others.replaceChildren(...largest.map((j) => {
        const path = make("path", { d: arc(j, query), class: "unlinked" });
        drawArc(path, scores[j], true);
        return path;
      }));
      told.textContent = sentence(set, state) + (beyondEdges.length > largest.length ? ` Of ${beyondEdges.length} weights on nodes without an edge to it, the ${MOST_ARCS} largest are drawn.` : "");
      key.textContent = `A node’s colour is its score.${weight ? " An arc leads from the node that is looked at to the one that looks, orange where that is the chosen one: the wider, the more weight; a ring is the weight on itself." : ""}`;
      far.hidden = bound === null;
      if (bound !== null) far.textContent = near === null ? hint("a node")
        : `${set.labels[marked]} depends on ${near.size} of ${count} nodes after the last layer, those up to ${bound} edges away${near.size < count ? "; the others are faint" : ""}.`;
    }

    /** The nodes that one depends on after the last layer. */
    function within(i) {
      const found = new Set([i]);
      let border = [i];
      for (let hop = 0; hop < bound && border.length; hop++) {
        border = [...new Set(border.flatMap((node) => [...sources[node]]))].filter((node) => !found.has(node));
        for (const node of border) found.add(node);
      }
      return found;
    }

    onTheme(draw);
    return {
      show(scores, shown) {
        Object.assign(state, { scores, ...shown });
        shades.follow();
        draw();
      },
      select(i) {
        state.chosen = i;
        draw();
      },
    };
  };
})();
