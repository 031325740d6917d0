"""The real course, and a small one of our own that tests may change."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cohorthub.course import Course, load_course

REAL_FILE = Path(__file__).parents[3] / "materials" / "course.yml"

# Its first day follows the night in which London's clocks go back (2026-10-25).
SAMPLE = """\
slug: sample
title: Sample course
timezone: Europe/London
framework: {title: PyTorch, url: "https://pytorch.org/"}
objectives: To have a course.
topics:
  - {number: 1, title: One}
  - {number: 3, title: Three}
hours:
  morning: {starts: "09:00", ends: "12:00", activity: theory}
  afternoon: {starts: "14:00", ends: "17:00", activity: exercises}
free_afternoons: [Wednesday]
release: {days_before: 2}
coursework:
  title: Coursework
  release_session: day03-afternoon
  work_session: day04-all-day
  release: "2026-10-29 14:00"
  deadline: "2026-10-30 18:00"
recaps:
  - {number: 1, theory: day03-morning}
former:
  repositories: [Old_Course, Old_Course_Teaching]
  branch: master
days:
  - number: 1
    date: 2026-10-26
    weekday: Monday
    slug: intro
    sessions:
      - part: morning
        kind: lecture
        title: Introduction
        former:
          codealong: Day01(a)/morning code.ipynb
          solutions: Day01(a)/morning 100%.ipynb
      - {part: afternoon, kind: exercises, title: First exercises}
  - number: 2
    date: 2026-10-28
    weekday: Wednesday
    slug: more
    sessions:
      - {part: morning, kind: lecture, title: More}
      - {part: additional, kind: additional, title: Extra}
  - number: 3
    date: 2026-10-29
    slug: recap
    sessions:
      - {part: morning, kind: recap-quiz, title: Recap}
      - {part: afternoon, kind: coursework-release, title: Release, starts: "14:00"}
  - number: 4
    date: 2026-10-30
    slug: coursework
    sessions:
      - {part: all-day, kind: coursework, title: Coursework}
team:
  coordinator: {name: Ada Lovelace, email: ada@example.org}
"""


@pytest.fixture(scope="session")
def real() -> Course:
    return load_course(REAL_FILE)


@pytest.fixture
def sample_text() -> str:
    return SAMPLE


@pytest.fixture
def sample_course(course_from: Callable[[str], Course]) -> Course:
    return course_from(SAMPLE)


@pytest.fixture
def course_from(tmp_path: Path) -> Callable[[str], Course]:
    def load(text: str) -> Course:
        file = tmp_path / "course.yml"
        file.write_text(text)
        return load_course(file)

    return load
