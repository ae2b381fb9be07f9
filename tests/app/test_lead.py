"""How long the page's clock waits for models that are slower than their music."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest

# A clock of tenths of a second; music is made at `pace`, after a primer of 8 s of which 2 s are heard.
from musictx.app.head import STATIC
from musictx.app.lead import lead_needed

SCRIPT = """
const { leadNeeded, Pace } = await import(process.argv[1]);
const play = ({ pace, seconds }) => {
  const end = 8 + seconds, watch = new Pace();
  let [known, at, playing, waits, silent] = [8, 6, false, 0, 0];
  for (let now = 0; at < end - 1e-9 && now < 1000; now += 0.1) {
    known = Math.min(end, known + 0.1 * pace);
    const complete = known >= end;
    watch.see(complete ? Infinity : known, now);
    const lead = complete ? Infinity : known - at;
    if (!playing) playing = lead >= leadNeeded(waits, end - at, watch.perSecond);
    if (!playing) silent += 0.1;
    else if (lead < 0.1) [playing, waits] = [false, waits + 1];
    else at = Math.min(end, at + 0.1);
  }
  return { waits, silent };
};
console.log(JSON.stringify(JSON.parse(process.argv[2]).map(play)));
"""


RULE = """
const { leadNeeded } = await import(process.argv[1]);
console.log(JSON.stringify(JSON.parse(process.argv[2]).map((each) => leadNeeded(...each))));
"""


def play(cases: list[dict[str, float]]) -> list[dict[str, Any]]:
    return run(SCRIPT, cases)


def run(script: str, cases: Any) -> Any:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node (18 or newer), which is not here")
    module = (STATIC / "sound" / "lead.js").as_uri()
    command = [node, "--input-type=module", "-e", script, module, json.dumps(cases)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_models_that_keep_up_are_not_waited_for() -> None:
    for told in play([{"pace": pace, "seconds": 30} for pace in (1.2, 3, 12)]):
        assert told["waits"] == 0 and told["silent"] <= 0.2


@pytest.mark.parametrize("pace", [0.4, 0.6, 0.8, 0.95])
def test_slow_models_make_one_long_pause_and_not_many(pace: float) -> None:
    (told,) = play([{"pace": pace, "seconds": 20}])
    assert told["waits"] <= 2
    # No longer than must be: what cannot be made while the rest is heard, and a tenth of the rest.
    assert told["silent"] <= 20 * (1 / pace - 1) + 0.15 * 20 / pace


def test_the_load_tests_listeners_wait_as_the_page_does() -> None:
    cases = [
        (waits, rest, pace)
        for waits in range(6)
        for rest in (0, 0.3, 4.0, 30.0)
        for pace in (None, 0.3, 1.0, 2.0)
    ]
    for (waits, rest, pace), lead in zip(cases, run(RULE, cases), strict=True):
        assert lead_needed(waits, rest, pace) == pytest.approx(lead)
    assert lead_needed(0, 20.0, 0.5) == 4.0  # it would wait many times
