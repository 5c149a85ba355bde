"""Letters and words of the code, the command line and the messages, each with its meaning, for `attnlab help WORD`.

docs/glossary.md shows the same in tables, which also say where each stands; a test compares both. Metrics, baselines and
keys have their sentences where they are registered.
"""

from collections.abc import Iterator

MEANINGS = {
    # Letters
    "B": "sets in a batch",
    "N": "vectors in the whole batch, over all sets",
    "L": "vectors in the longest set",
    "F": "features of a vector before the embedding",
    "D": "width of the vectors inside the model",
    "H": "attention heads",
    "K": "width of one head",
    "E": "edges, or pairs for which attention is computed one by one",
    "P": "coordinates of a vector",
    "C": "classes, or yes/no questions",
    "M": "tokens of a target sequence",
    "R": "rows of an output layer",
    "U": "distinct sets of parts in a batch",
    # Data
    "set": "the input of one example, any number of vectors: a sentence, a recording, a picture, a graph",
    "vector": "one element of a set: a word, a frame, a patch, a node",
    "layout": "which rows (vectors) of a batch belong to which set",
    "position": "the index of a vector in its set, from 0",
    "coordinates, `coords`": "the location of a vector: its position, or the row and column of a patch",
    "parts": "the vectors from which a vector is built: the characters of a word",
    "example": "one set with its targets and its key",
    "key (of an example)": "where it came from: file:line, a file's name",
    "key (of the configuration)": "a dotted name with a value, such as `encoder.depth`",
    "target": "something the data have labels for, by name: `tags`, `label`, `translation`",
    "task": "what is learned: a kind of task (`classification`), one that brings generated data (`pos`), or a name of the user's own",
    "kind of target": "one class, a class for each vector, yes/no questions, numbers, a sequence",
    "kept column": "a column of a table that is copied into the predictions and does not affect training",
    "gold": "the label of an example, in words or numbers",
    "hidden vector": "one that the model is asked about: it knows where it is, but not what it is (`task=masked`)",
    "slice": "a subset of the vectors that gets a score of its own: `accuracy/unseen`",
    "split": "training, validation or test examples",
    "fold": "one part of a cross-validation, tested by a model that was trained on other parts; in folds by time, on earlier ones",
    "group": "examples that stay in one split, such as all recordings of a speaker",
    "loader": "reads one modality and makes batches of it",
    "source": "where the rows of a loader come from: a file format, a generator, the hub",
    "fingerprint": "a hash of everything that examples depend on",
    "codec": "converts text to token ids and back",
    "ceiling": "the best possible accuracy, known for generated data",
    # Model
    "embedding": "maps values to vectors of width D",
    "encoder": "maps vectors to vectors that depend on each other",
    "head": "maps encoded vectors to predictions",
    "readout": "pools a set to one vector: mean, max, sum, attention",
    "choice": "a named part of a group, such as `encoder=recurrent`, or one of the values that a key may have",
    "LSTM, GRU": "the cells of `encoder=recurrent`: recurrent networks that read the vectors in order, in both directions",
    "member": "one model of an ensemble: the members are trained in parallel and their predictions averaged",
    "output layer": "maps a vector to the outputs of a target: logits, or a number",
    "transition": "a pair of consecutive tags, which may be forbidden or have a learned score",
    "score": "how well a query matches a key",
    "scope": "which keys a query may attend to",
    "position (of attention)": "how attention uses coordinates: added to the vectors, rotary, or as a bias",
    "bias": "a number added to the score of a pair",
    "plan": "what a kernel computes once per batch: indices, blocks, neighbours",
    "kernel": "an implementation of attention; every kernel gives the results of `reference`",
    "mask": "True where a query may attend to a key, or where there is a vector (not padding)",
    "`q_proj`, `kv_proj`, `qkv_proj`, `out_proj`": "W^Q, W^K and W^V, and W^O of multi-head attention",
    "`KVCache`": "keys and values of the tokens decoded so far",
    "beam, greedy": "how the decoder searches for a sequence",
    # Training
    "update": "one optimizer step; schedules count updates",
    "epoch": "one pass over the training examples",
    "monitor": "the validation score that selects the best weights",
    "average": "the running average of the weights; it is what evaluation uses",
    "checkpoint": "weights and training state on disk: `last/` and `best/`",
    "run": "one training, and the folder that it writes",
    "tpe": "a search that draws new values near those of the best trials: the tree-structured Parzen estimator",
    "halving": "a pruner of sweeps: most trials stop early, and the better ones train on",
    "trial": "one configuration of a sweep, trained once per seed",
    "group (of runs)": "finished runs with the same values of the keys they are grouped by, and comparable scores",
    "measure": "the score by which runs are ranked: the monitor of the run",
    "verdict": "what a comparison of two sides comes to: better, no difference, or not decided",
    "side": "one of the two things compared: a run, or runs with the same settings and several seeds",
    "margin": "the largest difference between two scores that counts as no difference",
    "baseline": "the score of a simple method on the same test and validation data",
    "prediction": "the output for one example, with its probabilities",
    "metric": "a score computed from predictions (in the code, `score` alone means the attention score)",
    "span": "consecutive vectors that tags mark as one unit, such as a name of several words",
    "precision (of a class)": "of the predictions of a class, the fraction that are right",
    "recall (of a class)": "of the labels of a class, the fraction that are predicted",
    "F1": "the harmonic mean of precision and recall; `macro_f1` is its mean over the classes",
    "confusion matrix": "how often each label (row) got each prediction (column)",
    "loss": "what training minimises; of classes, the mean cross-entropy in nats",
    "perplexity": "e to the loss: among so many equally probable words the model would be as uncertain",
    "unseen": "words that do not occur in the training examples, as in `accuracy/unseen`",
    "distant": "words that can only be tagged by another word more than ten positions away; in generated sentences",
    "support": "the number of labels of a class or span type; for a question, the number of yes labels",
    "resample": "a sample of a split's examples with replacement, as large as the split",
    "interval": "the range that contains 95 % of the scores of resamples; in results.json, for the test scores",
    "plugin": "a module of yours that registers parts",
    "twin": "a generated sentence or review with the other reading, drawn from the same numbers",
    # Explaining an answer
    "question": "the number of an answer that is explained: the log-probability of a class or token, a number, or the difference of two logits",
    "relevance": "how much each vector of a set mattered to an answer, by one method, with the test of it",
    "trace": "the weights of every attention layer for one set",
    "residual stream": "the vectors that a layer adds its output to",
    "leave one out": "the change of the answer when a vector is taken out of the set",
    "gradient × input": "the slope of the answer at each embedded vector, times the vector",
    "integrated gradients": "the slope of the answer, averaged on the way from the mean of the set's vectors to each vector, times the difference",
    "completeness (of integrated gradients)": "by how much the scores' sum differs from the change of the answer that it should equal",
    "rollout": "attention weights, each layer's averaged over heads and with the residual stream, multiplied through the layers",
    "norm-based": "the length of what a vector adds to another one, in place of its weight",
    "gradient × attention": "attention weights times the slope of the answer by them, where both raise it",
    "value zeroing": "the change of each vector when the value of another one is set to 0",
    "deletion curve": "the answer's probability while vectors are taken out, the highest ranked first; a small area means that the ranking is right",
    "insertion curve": "the same while only the highest ranked vectors are left in; a large area means that the ranking is right",
    "comprehensiveness": "the mean loss of probability when the first 5 to 50 % of the ranked vectors are taken out; higher is better",
    "sufficiency": "the mean loss of probability when only they are left; lower is better",
    "evidence": "the vectors that are known to decide an answer, as in generated data",
}  # fmt: skip
"""By entry: a word, with its sense in parentheses where it has several, or several words with commas."""


def names(entry: str) -> list[str]:
    """The words that an entry is found by: of "coordinates, `coords`" both, of "key (of an example)" the first."""
    return [name.strip(" `") for name in entry.partition(" (")[0].split(",")]


def meanings(word: str) -> Iterator[tuple[str, str]]:
    """(entry, meaning) of every sense of a word, in any spelling of capitals and spaces, also of its plural."""
    wanted = plain(word)
    found = [entry for entry in MEANINGS if wanted in map(plain, names(entry))]
    if not found and wanted.endswith("s") and len(wanted) > 2:
        found = [entry for entry in MEANINGS if wanted[:-1] in map(plain, names(entry))]
    for entry in found:
        yield entry, MEANINGS[entry]


def plain(word: str) -> str:
    """Without capitals, and with an underscore for each space, as names are registered. A single letter keeps its case."""
    return word if len(word) == 1 else word.replace(" ", "_").replace("-", "_").lower()
