"""Every example runs, and leaves the picture that it names; so does every page of the gallery."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("[0-9]*.py"))
GALLERY = sorted((ROOT / "examples" / "gallery").glob("*.py"))


@pytest.mark.check
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs_and_leaves_its_picture(example, tmp_path, request):
    arguments = []
    if "load_credit_applications" in example.read_text():
        arguments = [str(request.getfixturevalue("article_file"))]
    run = subprocess.run(
        [sys.executable, "-W", "error", str(example), *arguments],
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout
    pictures = list(tmp_path.glob("*.png"))
    assert pictures
    assert all(picture.stat().st_size > 5_000 for picture in pictures)


@pytest.mark.check
@pytest.mark.parametrize("page", GALLERY, ids=lambda path: path.stem)
def test_page_of_the_gallery_prints_and_draws_its_picture(page, capsys):
    runpy.run_path(str(page))
    assert capsys.readouterr().out
    assert f"sphx_glr_{page.stem}_001.png" in page.read_text(encoding="utf-8")
    (number,) = plt.get_fignums()
    canvas = plt.figure(number).canvas
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())
    assert (pixels != pixels[0, 0]).any(axis=2).mean() > 0.1
    plt.close("all")
