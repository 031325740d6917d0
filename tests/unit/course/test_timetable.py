"""The README's table: a row a session, links to what there is."""

import re
from collections.abc import Callable

import pytest

from cohorthub.course import Course
from cohorthub.course.links import (
    TABLE_END,
    TABLE_START,
    readme_table,
    replace_table,
    session_link,
)

HUB = "https://hub.example.org"


def cells(table: str) -> list[list[str]]:
    rows = [row.strip("| ").split(" | ") for row in table.splitlines()]
    return [rows[0], *rows[2:]]


def test_the_sample_s_table(sample_course: Course) -> None:
    table = readme_table(sample_course, HUB, lambda session: False)
    assert cells(table) == [
        ["Session", "Date <br> Time", "Codealong/Exercises", "Solutions"],
        ["Day01 morning - **Introduction**", "Oct 26 <br> 09:00-12:00", "—", "—"],
        ["Day01 afternoon - **First exercises**", "Oct 26 <br> 14:00-17:00", "—", "—"],
        ["Day02 morning - **More**", "Oct 28 <br> 09:00-12:00", "—", "—"],
        ["Day02 *additional* - **Extra**", "Oct 28 <br> not taught", "—", "—"],
        ["Day03 morning - **Recap**", "Oct 29 <br> 09:00-12:00", "—", "—"],
        ["Day03 afternoon - **Release**", "Oct 29 <br> 14:00", "—", "—"],
        ["Day04 all day - **Coursework**", "Oct 30 <br> ***deadline 18:00***", "—", "—"],
    ]


def test_every_available_notebook_is_linked_and_no_other(real: Course) -> None:
    table = readme_table(real, HUB, lambda session: session.slug != "day01-morning")
    links = re.findall(r"\[(\w+)\]\(([^)]*)\)", table)
    wanted = [
        (variant, session_link(real, session, variant, HUB))
        for session in real.sessions
        if session.slug != "day01-morning"
        for variant in session.variants
    ]
    assert links == wanted
    assert all(len(row) == 4 for row in cells(table))
    coursework = next(row for row in cells(table) if "Coursework Release" in row[0])
    assert coursework[2].startswith("[template](")
    assert coursework[3] == "—"


def test_a_deadline_on_another_date_says_which(
    sample_text: str, course_from: Callable[[str], Course]
) -> None:
    text = sample_text.replace("2026-10-30 18:00", "2026-11-02 09:30")
    table = readme_table(course_from(text), HUB, lambda session: False)
    assert "| Oct 30 <br> ***deadline Nov 2 09:30*** |" in table


def test_a_title_cannot_break_the_table(
    sample_text: str, course_from: Callable[[str], Course]
) -> None:
    text = sample_text.replace("title: More}", "title: 'a|b *c* [d](e) <f>'}")
    table = readme_table(course_from(text), HUB, lambda session: False)
    assert r"**a\|b \*c\* \[d\](e) \<f\>**" in table


def test_the_table_is_swapped_between_its_markers() -> None:
    text = f"# Title\n\n{TABLE_START}\nold\n{TABLE_END}\n\nThe end.\n"
    swapped = replace_table(text, "| new |\n")
    assert swapped == f"# Title\n\n{TABLE_START}\n\n| new |\n\n{TABLE_END}\n\nThe end.\n"
    assert replace_table(swapped, "| new |") == swapped


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no marker", f"the marker {TABLE_START} 0 times; it needs it once"),
        (f"{TABLE_START} only", f"the marker {TABLE_END} 0 times; it needs it once"),
        (f"{TABLE_START}{TABLE_START}{TABLE_END}", f"the marker {TABLE_START} 2 times"),
        (f"{TABLE_END}{TABLE_START}", f"{TABLE_END} before {TABLE_START}; swap the two"),
    ],
)
def test_missing_markers_are_said(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        replace_table(text, "x")
