"""``decisight demo``: the whole way from pictures to decisions, offline, on pictures that are there already."""

from __future__ import annotations

import shlex
import shutil
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from decisight.cli import output
from decisight.cli.console import progress_bars, say, terminal
from decisight.cli.demo_pictures import contact_sheet
from decisight.cli.demo_watch import LEFT, SITE, watch_a_clip
from decisight.errors import DecisightError, OutputError
from decisight.types import DEFAULT_FALLBACK

if TYPE_CHECKING:
    from decisight.data.dataset import Dataset
    from decisight.models.classifier import Classifier
    from decisight.policies.threshold import Threshold
    from decisight.types import Decision, Prediction

__all__ = ["DemoOptions", "run"]

_WIDTH = 96
_THRESHOLD = 0.9

_PICTURES, _MODEL, _EVALUATION, _DECISIONS = "gate", "gate.onnx", "evaluation", "decisions.png"
"""All that the demo writes into its folder, beside what its last chapter does."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What ``decisight demo`` was asked for; see its help."""

    folder: Path = Path("demo")
    pictures: int = 360
    seed: int = 0
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class _Tested:
    """The test pictures, what is true of them, and what the model made of them."""

    data: Dataset
    predictions: list[Prediction]
    rule: Threshold

    @property
    def decisions(self) -> list[tuple[Decision, ...]]:
        return [self.rule.decide(prediction) for prediction in self.predictions]


def run(options: DemoOptions) -> int:
    """Go the whole way and print what was done and what each figure means.

    Everything is written to one folder, which the demo makes; what an earlier demo wrote there is replaced, and what
    else lies there is left alone.

    Returns:
        The exit status, 0.

    Raises:
        OutputError: the folder is somebody else's, or cannot be written.
    """
    begun = time.perf_counter()
    _make_folder(options.folder)
    _photographs(options)
    data = _render(options)
    model = _train(options, data)
    tested = _evaluate(options, data, model)
    _decide(options, tested)
    _watch(options)
    _say_next(options, time.perf_counter() - begun)
    return 0


def _chapter(number: int, title: str) -> None:
    say(f"\n{number}. {title}\n{'-' * (len(title) + 3)}")


def _tell(text: str) -> None:
    say(textwrap.fill(text, _WIDTH))


def _make_folder(folder: Path) -> None:
    mark = folder / ".decisight-demo"
    try:
        if folder.exists() and not mark.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise OutputError(
                f"{folder} has something in it that the demo did not write", hint="name another place with -o FOLDER"
            )
        folder.mkdir(parents=True, exist_ok=True)
        mark.touch()
        for name in (_PICTURES, _MODEL, _EVALUATION, _DECISIONS, *LEFT):
            _remove(folder / name)
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be written: {error.strerror}", hint="name another place: -o FOLDER"
        ) from error


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _photographs(options: DemoOptions) -> None:
    """Real photographs, by the classifier that the backbone comes with."""
    from decisight.models.classifier import load

    _chapter(1, "Real photographs, and a classifier that is there already")
    model = load("imagenet:efficientnet_lite0", threads=options.threads)
    _tell(
        "The backbone EfficientNet-Lite0 was trained on the 1,000 classes of ImageNet. Three photographs that ship "
        "with scikit-learn and matplotlib, with the three classes it is most confident of:"
    )
    for path in _shipped_photographs():
        results = model.predict(path).results()[:3]
        told = ", ".join(f"{result.label} {result.confidence:.2f}" for result in results)
        say(f"  {path.name:18} {told}")


def _shipped_photographs() -> list[Path]:
    import matplotlib as mpl
    import sklearn

    shipped = Path(sklearn.__file__).parent / "datasets" / "images"
    sample = Path(mpl.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    found = [path for path in (shipped / "china.jpg", shipped / "flower.jpg", sample) if path.is_file()]
    if not found:
        raise DecisightError("the photographs that ship with scikit-learn and matplotlib are not there")
    return found


def _render(options: DemoOptions) -> Dataset:
    """A gate camera's pictures, drawn here, as anybody's own would lie in a folder."""
    from decisight.data.reading import read_dataset
    from decisight.sources.rendered import write_dataset

    _chapter(2, "Labelled pictures of a gate")
    folder = write_dataset(options.folder / _PICTURES, pictures=options.pictures, seed=options.seed)
    data = read_dataset(folder)
    train, test = data.only("train"), data.only("test")
    _tell(
        f"{len(train)} pictures to learn from and {len(test)} to test on, drawn by Decisight: workers at a factory "
        "gate, operators in blue, supervisors in red, visitors in green, with and without yellow vest and hard hat. No "
        "worker is in both parts: each is a source of its own. Two label groups in one metadata.csv: role (exactly one "
        "holds) and gear (any number holds)."
    )
    say(f"  {folder}/train/metadata.csv")
    for line in (folder / "train" / "metadata.csv").read_text("utf-8").splitlines()[:3]:
        say(f"    {line}")
    return data


def _train(options: DemoOptions, data: Dataset) -> Classifier:
    from decisight.compute import threads
    from decisight.models.classifier import load
    from decisight.models.model_file import write_model
    from decisight.training.cache import FeatureCache
    from decisight.training.train import TrainOptions, train

    _chapter(3, "Training: a head on a frozen backbone")
    wanted = TrainOptions(
        name="gate",
        seed=options.seed,
        thresholds=dict.fromkeys(data.task.group("role").labels, _THRESHOLD),
        fallback=DEFAULT_FALLBACK,
    )
    with FeatureCache(None) as cache, progress_bars(terminal(sys.stderr)) as progress:
        trained = train(data, wanted, cache=cache, progress=progress, threads=threads(options.threads).count)
    path = options.folder / _MODEL
    write_model(path, trained.model)
    taken = sum(trained.report.seconds.values())
    _tell(
        f"Learnt from {trained.report.pictures} pictures in {taken:.0f} s, of which "
        f"{trained.report.seconds['features']:.0f} s were the backbone's. What was chosen by cross-validation on the "
        "training part alone:"
    )
    for choice in trained.report.choices:
        of = f"{choice.group}: " if choice.group else ""
        say(
            textwrap.fill(
                f"{of}{choice.name} {choice.value}: {choice.why}", _WIDTH, initial_indent="  ", subsequent_indent="    "
            )
        )
    say(f"The model is one file: {path} ({path.stat().st_size / 1e6:.0f} MB)")
    return load(path, threads=options.threads)


def _evaluate(options: DemoOptions, data: Dataset, model: Classifier) -> _Tested:
    from decisight.evaluation.evaluate import evaluate
    from decisight.evaluation.judging import judge
    from decisight.evaluation.plots import write_plots
    from decisight.evaluation.text import group_report

    _chapter(4, "How far can it be trusted?")
    test = data.only("test")
    judged = judge(model, test)
    evaluation = evaluate(model.task, judged.targets, judged.confidences, sources=judged.sources)
    _tell(
        "On the test pictures, whose workers the model has never seen. Behind each figure is the range in which it "
        "lies with 95 % certainty: few pictures, wide ranges."
    )
    for group in evaluation.groups:
        say()
        say(group_report(group, width=_WIDTH))
    folder = options.folder / _EVALUATION
    folder.mkdir()
    with output.staging(folder) as beside:
        written = write_plots(model.task, judged.targets, judged.confidences, beside, sources=judged.sources)
    say(f"\nPlots in {folder}: {', '.join(path.name for path in written)}")
    from decisight.policies.threshold import Threshold

    return _Tested(test, list(judged.predictions), Threshold(model.card.thresholds, model.card.fallback))


def _decide(options: DemoOptions, tested: _Tested) -> None:
    from decisight.types import Reason

    _chapter(5, "From confidences to decisions")
    at = [group.name for group in tested.data.task.groups].index("role")
    truth = [example.targets[at] for example in tested.data.examples]
    roles = [decisions[at] for decisions in tested.decisions]
    accepted = [(true, made) for true, made in zip(truth, roles, strict=True) if made.reason is Reason.ACCEPTED]
    wrong = sum(made.state != true for true, made in accepted)
    bare = sum(p.results("role")[0].label != true for p, true in zip(tested.predictions, truth, strict=True))
    _tell(
        f"The model file says that a role is accepted from a confidence of {_THRESHOLD} on; otherwise the state is the "
        f"fall-back, '{DEFAULT_FALLBACK}'. Without thresholds {bare} of {len(truth)} roles are wrong. With them "
        f"{len(accepted)} of {len(truth)} pictures are decided ({len(accepted) / len(truth):.0%}, the accepted share), "
        f"{wrong} of them wrongly; the others are left for somebody to look at, or for the next picture."
    )
    unsure = [i for i, made in enumerate(roles) if made.reason is not Reason.ACCEPTED]
    sure = [i for i, made in enumerate(roles) if made.reason is Reason.ACCEPTED]
    say()
    for i in (sure[:2] + unsure[:2])[:4]:
        example, prediction = tested.data.examples[i], tested.predictions[i]
        told = ", ".join(f"{r.label} {r.confidence:.3f}" for r in prediction.results("role"))
        gear = tested.decisions[i][1 - at].state
        say(f"  {example.path.name}: {told}")
        say(f"    -> {roles[i].state} ({roles[i].reason}), gear: {', '.join(gear) or 'none'}   actually {truth[i]}")
    sheet = options.folder / _DECISIONS
    with output.staging(options.folder) as beside:
        contact_sheet(tested.data, tested.predictions, tested.decisions, beside / _DECISIONS)
    say(f"\nTwelve test pictures with their decisions: {sheet}")


def _watch(options: DemoOptions) -> None:
    _chapter(6, "Watching: from single pictures to states that hold")
    _tell(
        "At another gate, drawn as well, workers come and go. Now and then a single picture is misjudged, or cannot be "
        "judged at all: somebody turns round, a trolley passes, the light glares. So pictures vote, five a second, and "
        "a state begins once three of the last five agree. What is true is known of this clip, so that anybody can "
        "count how often the state is right."
    )
    watch_a_clip(options.folder, options.pictures, options.seed, options.threads)


def _say_next(options: DemoOptions, seconds: float) -> None:
    folder = shlex.quote(str(options.folder))
    say(f"\nDone in {seconds:.0f} s. The same by hand:")
    say(f"  decisight train {folder}/gate -o gate.onnx --threshold operator=0.9 \\")
    say("    --threshold supervisor=0.9 --threshold visitor=0.9")
    say(f"  decisight evaluate gate.onnx {folder}/gate -o evaluation")
    say(f"  decisight predict gate.onnx {folder}/gate/test --format jsonl | head -1")
    say(f"  decisight watch {folder}/{SITE} --again")
    say("What was watched, why it was decided so, and how good it is:")
    say(f"  decisight events {folder}/{SITE}")
    say(f"  decisight replay {folder}/{SITE} --event ID")
    say(f"  decisight backtest {folder}/{SITE} --clips {folder}/clips")
