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
