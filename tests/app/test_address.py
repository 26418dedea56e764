"""Every parameter of an address is checked; what cannot be taken is said."""

import threading
from base64 import urlsafe_b64encode
from itertools import pairwise
from zlib import compress

import pytest
from streamlit.testing.v1 import AppTest

from workbench.ui.services import catalog


def opened(app: AppTest, **parameters: str) -> AppTest:
    for name, value in parameters.items():
        app.query_params[name] = value
    return app.run()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("seed", "9" * 300, "a whole number from 0 to 2,147,483,647"),
        ("seed", "9" * 400, "at most 300 characters"),
        ("seed", "-5", "a whole number from 0 to 2,147,483,647"),
        ("seed", "abc", "a whole number from 0 to 2,147,483,647"),
        ("seed", "2147483648", "a whole number from 0 to 2,147,483,647"),
        ("model", "nosuch", "a network that this session has: minivgg-mnist5k"),
        ("data", "nosuch", "one of "),
        ("epochs", "1e999", "a finite number"),
        ("lr", "nan", "a finite number"),
        ("step", "-inf", "a finite number"),
        ("recipe", "A" * 200_001, "at most 200,000 characters"),
    ],
)
def test_what_cannot_be_taken_is_said_and_left_out(
    app: AppTest, name: str, value: str, expected: str
) -> None:
    opened(app, **{name: value})
    assert not app.exception
    (notice,) = app.error
    shown = value if len(value) <= 40 else f"{value[:37]}..."
    assert f"**Found:** {name}={shown} in the address" in notice.value
    assert f"**Expected:** {expected}" in notice.value
    assert name not in app.query_params
    assert app.session_state["model"] == "minivgg-mnist5k"
    assert app.session_state["seed"] == 0
    app.run()
    assert not app.error


def test_what_can_be_taken_is_taken(app: AppTest) -> None:
    data = tuple(catalog.DATA)[-1]
    opened(app, model="lenet5-mnist5k", seed="2147483647", data=data)
    assert not app.error
    assert app.session_state["model"] == "lenet5-mnist5k"
    assert app.session_state["seed"] == 2**31 - 1


def test_a_link_that_would_unfold_without_end_is_refused_at_once(app: AppTest) -> None:
    names = "abcdefghij"
    lists = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lists += [
        f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]"
        for before, name in pairwise(names)
    ]
    text = "\n".join(["version: 1", *lists, "layers: *j"])
    link = urlsafe_b64encode(compress(text.encode(), 9)).decode()
    before = {thread.ident for thread in threading.enumerate()}
    opened(app, recipe=link)
    assert not app.exception
    (notice,) = app.error
    assert "a recipe in the address that cannot be read" in notice.value
    left = [one for one in threading.enumerate() if one.ident not in before]
    assert [one.name for one in left if "ScriptRunner" in one.name] == []
