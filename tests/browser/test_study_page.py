"""The page of a study, opened as a file with the network blocked."""

import pytest

from musictx.lab.study.comparison import REAL, compare_rows
from musictx.lab.study.metrics import measure
from musictx.lab.study.page import write_page
from musictx.performance import Performance, make_notes, merge, shift

TAKES = {"relative": 2, "vanilla": 2, REAL: 1}


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    phrase = Performance(make_notes([0, 0.5, 1, 1.5], [0.4, 0.9, 1.4, 1.9], [60, 64, 67, 72], 90))
    whole = merge([shift(phrase, 2 * k) for k in range(3)])
    rows, music = [], {}
    for primer in ("one", "two"):
        for model, takes in TAKES.items():
            for seed in range(takes):
                measured = measure(phrase, whole, 2.0)
                rows.append(
                    {"primer": primer, "model": model, "seed": seed, "cut": 2.0, "measured": measured}
                )
                music[primer, model, seed] = whole
    facts = {"parameters": 1000, "context_length": 64}
    result = {
        "settings": {
            "tokens": None,
            "seconds": 4,
            "primer_seconds": 2,
            "seeds": 2,
            "temperature": 1,
            "top_k": 0,
        }
        | {"top_p": 1, "min_p": 0, "theme": 0, "form": 0, "shape": ""},
        "models": {name: {"position": name, **facts} for name in ("relative", "vanilla")},
        "primers": [{"name": n, "title": f"Piece {n}", "cut": 2.0} for n in ("one", "two")],
        "rows": rows,
        "comparison": compare_rows(rows, ["relative", "vanilla"]),
        "stands_out": {},
        "told_from_real": {},
        "told_by_folder": {},
        "left_out": [],
    }
    path = tmp_path_factory.mktemp("page") / "study.html"
    write_page(path, result, music)
    return path


def test_the_page_plays_and_asks_for_nothing(chromium, page_file):
    context = chromium.new_context(offline=True)
    page = context.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_file.as_uri())
    first = page.locator("#players details").first
    assert first.locator(".lane").count() == 3
    painted = (
        "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v, i) => i % 4 == 3 && v)"
    )
    assert all(first.locator("canvas").nth(i).evaluate(painted) for i in range(3))

    button = first.get_by_role("button", name="play relative")
    button.click()
    level = """() => {
        if (!window.meter) {
            window.meter = audio.context.createAnalyser();
            audio.master.connect(window.meter);
        }
        const wave = new Float32Array(window.meter.fftSize);
        window.meter.getFloatTimeDomainData(wave);
        return Math.max(...wave.map(Math.abs)) > 0.005;
    }"""
    page.wait_for_function(level)
    assert first.get_by_role("button", name="stop relative").text_content() == "■"

    first.locator(".roll").nth(1).click(position={"x": 200, "y": 40})  # another lane, from the middle
    page.wait_for_function("() => player.lane && player.lane.title === 'vanilla' && position() > 0.5")
    assert first.get_by_role("button", name="play relative").text_content() == "▶"
    page.keyboard.press("Space")
    page.wait_for_function("() => player.lane === null")
    page.wait_for_function(f"() => !({level})()", timeout=1000)  # notes that were waiting are not heard
    page.keyboard.press("Space")
    page.wait_for_function("() => player.lane && player.from > 0.5")

    first.get_by_role("button", name="vanilla, take 2").click()
    assert page.evaluate("() => player.lane") is None
    page.get_by_text("Piece two").click()
    page.wait_for_function("() => document.querySelectorAll('.lane').length === 6")
    assert said == [] and asked == [page_file.as_uri()]
    context.close()


def test_the_page_fits_a_phone(chromium, page_file):
    context = chromium.new_context(viewport={"width": 390, "height": 800}, offline=True)
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    context.close()
