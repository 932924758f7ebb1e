"""The example grpo: its task, its model, a whole quick run, a run that was killed, its page."""

import itertools
import json
import math
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from examples.grpo import results, rollout, task
from examples.grpo.__main__ import main
from examples.grpo.model import Transformer
from examples.grpo.settings import SEEDS, Settings, quick
from examples.grpo.stage import Stage, read_metrics
from examples.grpo.training import imitate, reinforce
from tests.docs.pages import ROOT

QUICK = [sys.executable, "-m", "examples.grpo", "--quick", "--beta", "0", "0.05", "--out"]
RESULTS = ROOT / "examples" / "grpo" / "results.json"
PAGE = ROOT / "docs" / "grpo-run.md"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As the program: sums over several threads round in another order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def model(seed: int = 0) -> Transformer:
    torch.manual_seed(seed)
    return Transformer(16, 2, 2)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def texts(*rows: str) -> torch.Tensor:
    return torch.tensor([task.encode(row, task.LENGTH) for row in rows])


# The task


@pytest.mark.parametrize(
    "text",
    [
        "37+58=30+7+50+8=95;",
        "37+58=8+50+7+30=95;",
        "37+58=95;",
        "37+58=1=2=95;",
        "37+58=95;+=1",  # what follows the end is not read
        "99+99=90+9+90+9=198;",
    ],
)
def test_a_right_sum_is_right_however_it_is_worked_out(text: str) -> None:
    assert task.is_right(text)


@pytest.mark.parametrize(
    "text",
    [
        "37+58=30+7+50+8=85;",
        "37+58=95=85;",  # the last sum counts
        "37+58=95",  # never ends
        "37+58=;",
        "37+58=95+;",
        "37+58=095;",
        "37+58=30+7+50+8;",
        "37+58=;95;",
    ],
)
def test_anything_else_is_wrong(text: str) -> None:
    assert not task.is_right(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("37+58=30+7+50+8=95;", True),
        ("37+58=8+50+7+30=94;", True),  # the sum is another question
        ("37+50=7+50+30=87;;", True),
        ("11+11=10+1+1+10=22;", True),
        ("37+58=95;", False),
        ("37+58=30+50+8=95;", False),
        ("37+58=30+7+50+9=95;", False),
        ("37+58=30+7+50+8=9=95;", False),
        ("11+11=10+1=22;", False),
    ],
)
def test_working_is_the_parts_of_both_numbers(text: str, expected: bool) -> None:
    assert task.is_worked_out(text) is expected


def test_demonstrations_are_right_fit_and_come_in_every_order() -> None:
    rng = generator()
    pairs, held_out = task.split(0, 99, 500)
    for pair in random.Random(0).sample(pairs + held_out, 300):
        text = task.prompt(pair) + task.demonstration(pair, rng)
        assert task.is_right(text)
        assert task.is_worked_out(text)
        assert len(text) <= task.LENGTH
        assert task.decode(texts(text))[0].startswith(text)
    seen = {task.demonstration((37, 58), rng) for _ in range(500)}
    orders = itertools.permutations(("30", "7", "50", "8"))
    assert seen == {f"{'+'.join(parts)}=95;" for parts in orders}


@pytest.mark.parametrize("seed", SEEDS)
def test_no_held_out_pair_is_learnt_in_either_order(seed: int) -> None:
    pairs, held_out = task.split(seed, 99, 500)
    assert len(pairs) + len(held_out) == 90 * 90
    assert not {frozenset(pair) for pair in pairs} & {frozenset(pair) for pair in held_out}


def test_the_mask_keeps_an_answer_up_to_its_end() -> None:
    tokens = torch.tensor([task.encode("95;7;", 6), task.encode("123456", 6)])
    assert task.response_mask(tokens).tolist() == [[True] * 3 + [False] * 3, [True] * 6]


# The model and its measurements


def test_no_logit_sees_a_later_token() -> None:
    policy, (tokens,) = model(), texts("37+58=30+7+50+8=95;")
    before = policy(tokens[None])
    for t in range(task.LENGTH):
        changed = tokens.clone()
        changed[t] = (changed[t] + 1) % len(task.ALPHABET)
        moved = (policy(changed[None]) - before)[0].abs().amax(-1) > 0
        assert not moved[:t].any()
        assert moved[t:].all()  # everything from there on has seen it


def test_the_log_probabilities_of_a_sample_are_those_of_the_trainer() -> None:
    """Token by token with a cache and all at once: the same policy."""
    policy = model().double()
    drawn = rollout.sample(policy, task.prompts([(37, 58), (10, 99)] * 20), generator())
    answers = drawn.tokens[:, task.PROMPT_LENGTH :]
    at_once = rollout.answer_logits(policy, drawn.tokens).log_softmax(-1)
    wanted = at_once.gather(-1, answers[..., None])[..., 0]
    torch.testing.assert_close(drawn.log_prob, wanted, rtol=1e-10, atol=1e-12)


def test_sampling_follows_the_policy() -> None:
    """The first token of many answers to one prompt, by chi-square."""
    policy = model(1)
    asked = task.prompts([(37, 58)])
    chances = policy(asked)[0, -1].softmax(-1).detach().double()
    n = 5_000
    drawn = rollout.sample(policy, asked.expand(n, -1), generator(5))
    counts = torch.bincount(drawn.tokens[:, task.PROMPT_LENGTH], minlength=len(chances))
    statistic = ((counts - n * chances) ** 2 / (n * chances)).sum().item()
    assert statistic < 36.1  # chi-square, 12 degrees of freedom: exceeded once in 3,000


def test_drift_is_zero_from_itself_and_the_mean_log_ratio_from_another() -> None:
    policy, reference = model().double(), model(1).double()
    asked = task.prompts([(37, 58), (62, 19)]).repeat_interleave(2000, 0)
    drawn = rollout.sample(policy, asked, generator())
    assert rollout.drift(policy, policy, drawn).mean == 0
    answers = drawn.tokens[:, task.PROMPT_LENGTH :]
    chances = rollout.answer_logits(reference, drawn.tokens).log_softmax(-1)
    theirs = chances.gather(-1, answers[..., None])[..., 0]
    ratio = ((drawn.log_prob - theirs) * drawn.mask).sum(-1)
    exact, naive = rollout.drift(policy, reference, drawn), rollout.measured(ratio, 1)
    error = math.hypot(exact.standard_error, naive.standard_error)
    assert exact.standard_error < naive.standard_error
    assert abs(exact.mean - naive.mean) < 4 * error
    assert exact.mean > 10 * error


def test_answers_to_one_prompt_are_one_cluster() -> None:
    """Copies of an answer tell nothing new: the standard error is that of the prompts."""
    once = rollout.measured(torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0]), 1)
    copied = rollout.measured(torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0]).repeat_interleave(4), 4)
    assert copied == pytest.approx(once)


# Whole runs


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quick run, from the command line to the picture, without a break."""
    out = tmp_path_factory.mktemp("grpo") / "run"
    done = subprocess.run([*QUICK, str(out)], cwd=ROOT, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    shown = results.read(out / "results.json")
    assert done.stdout == f"{results.table(shown)}\n\n{results.working_table(shown)}\n"
    return out


def journals(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("seed-0/*.jsonl"))}


def no_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def test_a_quick_run_learns_measures_and_draws(finished: Path) -> None:
    assert list(journals(finished)) == ["beta-0.05.jsonl", "beta-0.jsonl", "imitation.jsonl"]
    for text in journals(finished).values():
        for line in text.decode().splitlines():
            assert json.loads(line, parse_constant=no_constant)["step"] >= 0
    free, leashed = (read_metrics(finished / f"seed-0/beta-{b}.jsonl") for b in ("0", "0.05"))
    assert [line["step"] for line in free] == list(range(quick(0).steps + 1))
    assert free[0] == leashed[0]  # the same start
    assert free[0]["held_out_drift_nats_per_answer"] == 0
    assert free[-1]["held_out_drift_nats_per_answer"] > 0
    assert any(line["reward"] > 0 for line in free[1:])
    assert free[1] != leashed[1]  # the price is paid from the first step on
    picture = (finished / "reward-drift.svg").read_text(encoding="utf-8")
    for words in ("nats per answer", "held-out", "β = 0.05", "start"):
        assert words in picture


def killed_after(lines: int, metrics: Path, command: list[str]) -> None:
    """Start the command and kill it, without a warning, once so many lines of metrics are there."""
    running = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not metrics.exists() or metrics.read_bytes().count(b"\n") < lines:
            assert running.poll() is None, "the run ended before it could be killed"
            time.sleep(0.002)
    finally:
        running.kill()
        running.wait()


def test_a_killed_run_goes_on_to_the_same_metrics(finished: Path, tmp_path: Path) -> None:
    """Killed without warning in the middle: what no checkpoint knows is done again, bit for bit."""
    command = [*QUICK, str(tmp_path)]
    killed_after(6, tmp_path / "seed-0" / "beta-0.jsonl", command)
    assert journals(tmp_path) != journals(finished)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert journals(tmp_path) == journals(finished)
    assert (tmp_path / "results.json").read_bytes() == (finished / "results.json").read_bytes()


def test_interrupted_between_checkpoints_it_takes_the_same_steps_again(
    finished: Path, tmp_path: Path
) -> None:
    def interrupt(step: int, said: str = "", done: bool = False) -> None:
        if step == 6:  # the last checkpoint is of step 4
            raise KeyboardInterrupt

    reference = imitate(tmp_path, quick(0), _silent)
    with pytest.raises(KeyboardInterrupt):
        reinforce(tmp_path, quick(0), reference, 0.05, interrupt)
    assert [line["step"] for line in read_metrics(tmp_path / "beta-0.05.jsonl")] == list(range(7))
    reinforce(tmp_path, quick(0), imitate(tmp_path, quick(0), _silent), 0.05, _silent)
    for name in ("imitation.jsonl", "beta-0.05.jsonl"):
        assert (tmp_path / name).read_bytes() == journals(finished)[name]


def test_a_finished_run_is_not_run_again(finished: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.glob("seed-0/*")}
    subprocess.run([*QUICK, str(finished)], cwd=ROOT, check=True, capture_output=True)
    assert {path: path.stat().st_mtime_ns for path in finished.glob("seed-0/*")} == before


def test_other_settings_do_not_go_on_from_this_folder(finished: Path, capsys) -> None:
    assert main(["--out", str(finished)]) == 2
    assert "--out" in capsys.readouterr().err


def test_a_run_that_is_not_finished_is_not_drawn(finished: Path, tmp_path: Path, capsys) -> None:
    assert main(["plot", "--out", str(tmp_path)]) == 2
    assert "not there" in capsys.readouterr().err
    assert main(["plot", "--out", str(finished)]) == 2
    assert "other settings" in capsys.readouterr().err
    assert main(["plot", "--quick", "--steps", "13", "--out", str(finished)]) == 2
    assert "at step 12 of 13" in capsys.readouterr().err


def test_a_finished_run_goes_on_for_more_steps_as_if_it_had_been_one(
    finished: Path, tmp_path: Path
) -> None:
    short = replace(quick(0), steps=8)
    for settings in (short, quick(0)):
        reinforce(tmp_path, settings, imitate(tmp_path, settings, _silent), 0.0, _silent)
    assert (tmp_path / "beta-0.jsonl").read_bytes() == journals(finished)["beta-0.jsonl"]


def test_a_half_written_line_and_a_half_written_checkpoint_do_no_harm(tmp_path: Path) -> None:
    def stage() -> Stage:
        policy = model()
        return Stage(tmp_path, "x", quick(0), policy, torch.optim.Adam(policy.parameters()))

    first = stage()
    first.step = 1
    first.record(reward=0.5, ratio=math.nan, bound=math.inf)
    first.save()
    with (tmp_path / "x.jsonl").open("a") as file:
        file.write('{"step": 2, "rew')
    (tmp_path / "x.new").write_bytes(b"half")
    second = stage()
    assert second.step == 1
    second.save()
    assert read_metrics(tmp_path / "x.jsonl") == [
        {"step": 1, "reward": 0.5, "ratio": None, "bound": None}
    ]


@pytest.mark.parametrize("beta", ["-1", "nan", "inf"])
def test_a_price_that_is_none_is_refused(beta: str, tmp_path: Path, capsys) -> None:
    with pytest.raises(SystemExit):
        main(["--beta", beta, "--out", str(tmp_path)])
    assert "--beta" in capsys.readouterr().err


@pytest.mark.exhaustive
def test_grpo_learns_and_a_price_holds_it_back(tmp_path: Path) -> None:
    """The claim of the documentation, in small: fewer steps, on a seed that is not shown there."""
    settings = Settings(seed=7, steps=30, held_out_answers=1, evaluate_every=30)
    reference = imitate(tmp_path, settings, _silent)
    for beta in (0.0, 0.05):
        reinforce(tmp_path, settings, reference, beta, _silent)
    free, leashed = (results.points(tmp_path / f"beta-{beta}.jsonl", 30) for beta in ("0", "0.05"))
    assert free[-1]["accuracy"] > free[0]["accuracy"] + 0.1
    assert leashed[-1]["accuracy"] > leashed[0]["accuracy"] + 0.1
    assert leashed[-1]["drift_nats_per_answer"] < 0.8 * free[-1]["drift_nats_per_answer"]


def _silent(step: int, said: str = "", done: bool = False) -> None: ...


# The page


def test_the_page_shows_the_figures() -> None:
    shown, page = results.read(RESULTS), PAGE.read_text(encoding="utf-8")
    assert results.table(shown) in page
    assert results.working_table(shown) in page


def test_the_figures_are_of_the_settings_and_seeds_in_the_code() -> None:
    shown = results.read(RESULTS)
    assert shown["settings"] == json.loads(json.dumps(Settings().shared()))
    assert [run["seed"] for run in shown["runs"]] == list(SEEDS)


def test_every_seed_meets_the_targets_or_the_page_says_where_not() -> None:
    """GRPO gains 20 points; the price costs at most 5 of them and saves 40 % of the drift."""
    short = []
    for run in results.read(RESULTS)["runs"]:
        start = run["curves"][0]["points"][0]
        free, priced = (curve["points"][-1] for curve in run["curves"])
        gains = {
            curve["beta"]: end["accuracy"] - start["accuracy"]
            for curve, end in zip(run["curves"], (free, priced), strict=True)
        }
        short += [(run["seed"], beta, gain) for beta, gain in gains.items() if gain < 0.20]
        assert abs(priced["accuracy"] - free["accuracy"]) <= 0.05
        assert priced["drift_nats_per_answer"] <= 0.6 * free["drift_nats_per_answer"]
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert len(short) == page.count("falls short")
    for seed, beta, gain in short:
        assert f"seed {seed} with β = {beta:g} falls short, with {100 * gain:.1f}" in page
