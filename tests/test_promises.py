"""The page of promises names tests that exist, and `--promises` sees to it that they run."""

from __future__ import annotations

import re
from pathlib import Path

from promises import promised, unshown

REPOSITORY = Path(__file__).resolve().parents[1]


def test_each_promise_has_a_test_that_exists() -> None:
    assert len(promised()) > 20
    for promise, tests in promised().items():
        assert tests, f"no test of: {promise}"
        for name in tests:
            file, _, test = name.partition("::")
            source = (REPOSITORY / file).read_text(encoding="utf-8")
            assert re.search(rf"^(async )?def {test}\(", source, re.MULTILINE), f"{file} has no {test}"


def test_a_promise_is_shown_by_a_test_that_passed() -> None:
    names = [name for tests in promised().values() for name in tests]
    passed = {f"{name}[case]": "passed" for name in names}
    assert unshown(passed) == {}
    first, second, third = list(dict.fromkeys(names))[:3]
    changed = passed | {f"{first}[other]": "failed", f"{second}[case]": "skipped"}
    del changed[f"{third}[case]"]
    assert unshown(changed) == {first: "failed", second: "skipped", third: "not run"}
