"""A student's choice is checked on the server, whatever a form, a link or a program sends."""

from typing import Any

import pytest
from bs4 import BeautifulSoup
from jupyterhub.spawner import SpawnException

from cohorthub.settings import Profile
from cohorthub.spawning.profiles import chosen_profile, options_form

PROFILES = {"cpu": Profile(), "big": Profile(title="Big <b>& slow</b>", memory="8G")}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, None),
        ({"profile": "cpu"}, "cpu"),
        ({"profile": ["big"]}, "big"),
        ({"profile": []}, None),
    ],
)
def test_known_choices(options: dict[str, Any], expected: str | None) -> None:
    assert chosen_profile(options, PROFILES) == expected


@pytest.mark.parametrize(
    "options",
    [
        {"profile": "gpu"},
        {"profile": ["cpu", "big"]},
        {"profile": {"memory": "64G"}},
        {"profile": 3},
        {"image": "evil"},
        {"mem_limit": "64G", "profile": "cpu"},
    ],
)
def test_anything_else_is_refused_with_a_sentence(options: dict[str, Any]) -> None:
    with pytest.raises(SpawnException) as caught:
        chosen_profile(options, PROFILES)
    assert caught.value.status_code == 400
    assert "The kinds of server are: big, cpu." in str(caught.value)


def test_one_profile_needs_no_form_and_several_are_offered_escaped() -> None:
    assert options_form({"cpu": Profile()}, "cpu") == ""
    page = BeautifulSoup(options_form(PROFILES, "big"), "html.parser")
    radios = page.find_all("input", type="radio")
    assert [(radio["value"], radio.has_attr("checked")) for radio in radios] == [
        ("cpu", False),
        ("big", True),
    ]
    assert all(page.find("label", attrs={"for": radio["id"]}) for radio in radios)
    assert not page.find_all("b")
