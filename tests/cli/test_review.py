"""A gate that cannot judge says so."""

import subprocess
import sys


def _run(*arguments, cwd, stdout=subprocess.PIPE):
    command = [sys.executable, "-m", "relentropy.cli", "compare", *arguments]
    return subprocess.run(
        command, cwd=cwd, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False
    )


def test_a_lost_column_is_named_beside_the_limit_and_fails_when_asked_for(tmp_path):
    (tmp_path / "a.csv").write_text("x,k\n" + "".join(f"{i % 7},{i % 3}\n" for i in range(300)))
    (tmp_path / "b.csv").write_text("k\n" + "".join(f"{i % 3}\n" for i in range(300)))
    loose = _run("a.csv", "b.csv", "-q", "--fail-above", "0.01", cwd=tmp_path)
    assert loose.returncode == 0
    assert "Not judged: x." in loose.stderr
    asked = ("--columns", "x,k")
    strict = _run("a.csv", "b.csv", "-q", "--fail-above", "0.01", *asked, cwd=tmp_path)
    assert strict.returncode == 2
    assert "x: only in a" in strict.stderr


def test_a_full_disk_is_one_sentence_and_not_drift(tmp_path):
    with open("/dev/full", "w") as full:
        result = _run("--example", "--columns", "origin", cwd=tmp_path, stdout=full)
    assert result.returncode == 2
    assert "cannot write to standard output" in result.stderr
    assert "Traceback" not in result.stderr
