"""`attnlab sweep`: many runs from one line, none lost, all comparable."""

import contextlib
from collections.abc import Sequence
from typing import cast

from attnlab import compose
from attnlab.command_words import shell_word, split_words
from attnlab.config import Config
from attnlab.disk import lock, read_json, write_json, write_text
from attnlab.errors import UserError
from attnlab.lab.run_groups import BEST_ON_VALIDATION, EQUAL
from attnlab.lab.sweep import folder as folders
from attnlab.lab.sweep import space
from attnlab.lab.sweep.child import TRAIN
from attnlab.lab.sweep.folder import SweepFolder
from attnlab.lab.sweep.outcome import Best, Outcome, SweepResults, read_outcomes, table, tied, train_commands
from attnlab.lab.sweep.page import page
from attnlab.lab.sweep.search import Search
from attnlab.lab.sweep.worker import Worker
from attnlab.training.from_run import refuse_latest
from attnlab.training.report import Reporter


def sweep(words: Sequence[str], command: Sequence[str] = TRAIN) -> SweepResults:
    """Begin a sweep, or with `sweep=FOLDER|latest` finish one; returns what results.json holds.

    command: what trains a run. Raises UserError for words that no run would accept, and where every trial failed;
    Stopped when a signal asks to stop, after all runs have saved themselves.
    """
    options, others = split_words(words, {"sweep": "", "outputs": ""})
    outputs = [f"outputs={options['outputs']}"] if options["outputs"] else []
    if options["sweep"]:
        folder = folders.find(options["sweep"], options["outputs"] or "outputs")
        run_words, settings = folders.continued(folder, others)
        searched = space.read(run_words)
        folders.refuse_changes(folder, searched)
    else:
        run_words, sweep_words = folders.split_words([*others, *outputs])
        searched = space.read(run_words)
        refuse_latest(compose.compose(searched.example()), "a sweep")
        settings = folders.read_settings(sweep_words)
        Search.check(searched, settings)
        folder = folders.create(run_words, settings, searched)
    search = Search(folder.journal, searched, settings)
    reporter = Reporter(folder.log)
    reporter.say(
        f"{folder.path}: {search.trials} trials by {search.sampler} over {', '.join(p.name for p in searched.parameters)}"
        + (f", each with {len(searched.seeds)} seeds" if len(searched.seeds) > 1 else "")
        + (f"; these are all {search.trials} combinations" if search.is_cut else "")
    )
    if not folder.results.exists():
        config = compose.compose(searched.example())
        if not options["sweep"]:
            _tell_of_data(config, searched.example(), reporter)
        try:
            Worker(folder, search, config, reporter.say, command).run()
        finally:
            if search.begun():
                reporter.say(f"Finish it with: attnlab sweep {shell_word('sweep', str(folder.path))}")
    with lock(folder.locks / "end.lock"):  # of several processes that finish it, one scores the choice
        return _conclude(folder, search, reporter)


def _tell_of_data(config: Config, words: Sequence[str], reporter: Reporter) -> None:
    """What is learned where words don't say it, and what each trial would warn of, told once. Data that cannot be used are left to the trials, which may use others."""
    from attnlab.data.warnings import warnings
    from attnlab.training import defaults, task
    from attnlab.training.run import load_data

    with contextlib.suppress(UserError):
        settled, chosen = defaults.settle(config, words)
        data = load_data(settled)
        if follows := task.told(config, data.spec, words):
            reporter.say(follows, style="cyan")
        if chosen:
            reporter.say(chosen, style="cyan")
        for warning in warnings(data, config=settled):
            reporter.warn(warning)


def _conclude(folder: SweepFolder, search: Search, reporter: Reporter) -> SweepResults:
    """Score the choice on test data, once; write results.json and the page; print the table."""
    outcomes, monitor = read_outcomes(folder, search)
    names = [parameter.name for parameter in search.space.parameters]
    chosen = next((outcome for outcome in outcomes if outcome.state == "finished"), None)
    if chosen is None:
        reporter.table(table(outcomes, monitor, names, None, {}))
        raise UserError(f"{folder.path}: no trial finished; the table says why")
    try:
        results = _results(folder, search, outcomes, chosen, monitor)
    except UserError:
        reporter.table(table(outcomes, monitor, names, chosen.number, {}))
        raise
    write_text(folder.page, page(folder.path.name, results, outcomes, search.space))
    best, several = results["best"], len(outcomes) > 1
    reporter.table(table(outcomes, monitor, names, best["number"] if several else None, best["test"]))
    if several:
        only = ", the only one that is scored on test data" if best["test"] else ""
        if len(tied(outcomes, best["number"])) > 1:
            only = EQUAL + (f", and trial {best['number']} alone is scored on test data" if best["test"] else "")
        reporter.say(f"{BEST_ON_VALIDATION}{only}")
    _tell(results, folder, reporter, len(tied(outcomes, best["number"])))
    return results


def _results(
    folder: SweepFolder, search: Search, outcomes: Sequence[Outcome], chosen: Outcome, monitor: str
) -> SweepResults:
    """What results.json holds; where it isn't there yet, the choice is scored on test data, and it is written."""
    if folder.results.exists():
        return read_json(folder.results, SweepResults)
    commands = train_commands(folder, search, chosen)
    best = cast(Best, chosen.plain() | {"test": score_on_test(folder, search, chosen), "command": commands})
    results: SweepResults = {
        "task": compose.compose(search.space.example()).task, "monitor": monitor, "sampler": search.sampler,
        "best": best, "importance": search.importance(), "epochs": sum(outcome.epochs for outcome in outcomes),
        "trials": [outcome.plain() for outcome in outcomes],
    }  # fmt: skip
    write_json(folder.results, results)
    return results


def score_on_test(folder: SweepFolder, search: Search, chosen: Outcome) -> dict[str, dict[str, float]]:
    """Scores of the choice's best weights on test data: mean and, over several seeds, standard deviation, of every score
    that all of them have."""
    from attnlab.training import cross_validation
    from attnlab.training.predictions import write_predictions
    from attnlab.training.run import load_run

    scores: list[dict[str, float]] = []
    for run_folder in folder.runs(chosen.number, search.space.seeds).values():
        run = load_run(run_folder.path)
        data = run.data()
        if "test" not in data.splits:
            return {}
        evaluation = run.evaluate("test", data)
        write_predictions(run.folder.predictions("test"), data.splits["test"], run.model.head, evaluation)
        scores.append(evaluation.scores)
    deviation = {"deviation": cross_validation.deviation(scores)} if len(scores) > 1 else {}
    return {"mean": cross_validation.mean(scores)} | deviation


def _tell(results: SweepResults, folder: SweepFolder, reporter: Reporter, equal: int) -> None:
    """equal: how many trials have the best score."""
    best, monitor = results["best"], results["monitor"]
    if results["importance"]:
        fractions = ", ".join(f"{name} {100 * fraction:.0f} %" for name, fraction in results["importance"].items())
        reporter.say(f"Importance of each key (fANOVA): {fractions}.")
    test = best["test"].get("mean", {}).get(monitor)
    tested = f"; on test data, scored once: {test:.4f}" if test is not None else ""
    among = f" (the first of {equal} with this score)" if equal > 1 else ""
    reporter.say(f"Best: trial {best['number']}{among}, {monitor} {best['score']:.4f}{tested}.")
    again = shell_word("run", str(folder.path))
    reporter.say(f"Score its best run again, or train it further: attnlab eval {again}; attnlab train {again}")
    reporter.say(f"Retrain it with: {best['command'][0]}")
    reporter.say(f"Report with plots: {folder.page}")
