"use strict";

/** How a set of vectors of each kind is drawn: `VIEWS[kind] = (host, set, choose) => ({show, select})`.
 *
 * host: the empty element to draw into. set: {kind, labels: [L texts], arrays: {name: {shape, values}}, …facts of this kind}.
 * choose(i) is to be called when vector i is clicked, or chosen by the keyboard.
 * show(scores, {query, signed, threshold, weight}) draws scores on the vectors: a Float32Array (L) on an absolute scale, 0…1 or, if signed,
 * -1…1; query: the vector that looks, or null; below threshold nothing is drawn; weight(i, j): the weight of key j for query i in
 * the head that is shown, or null where none is. select(i) marks vector i as the one that is chosen. */
const VIEWS = {};
