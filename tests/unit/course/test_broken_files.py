"""Every slip in course.yml is refused with its line, its key, what is there and what should be."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from cohorthub.course import Course, load_course
from cohorthub.problems import ConfigurationError, Problem


@dataclass(frozen=True)
class Slip:
    """``old`` is replaced by ``new``; the problem is on the line that contains ``line``."""

    old: str
    new: str
    line: str
    key: str
    found: str
    expected: str


SLIPS = {
    "unknown key": Slip(
        "title: Sample course\n",
        "title: Sample course\ntitel: x\n",
        "titel: x",
        "titel",
        "an unknown key",
        "'title' (the closest known key)",
    ),
    "unknown key in a session": Slip(
        "title: More}",
        "title: More, tittle: x}",
        "tittle",
        "days.1.sessions.0.tittle",
        "an unknown key",
        "'title' (the closest known key)",
    ),
    "no title": Slip(
        "kind: lecture, title: More}",
        "kind: lecture}",
        "kind: lecture}",
        "days.1.sessions.0.title",
        "nothing",
        "a value (the title that students read)",
    ),
    "unknown kind": Slip(
        "kind: lecture, title: More",
        "kind: lectur, title: More",
        "lectur, ",
        "days.1.sessions.0.kind",
        "'lectur'",
        "(perhaps 'lecture')",
    ),
    "unknown zone": Slip(
        "Europe/London",
        "Europe/Londn",
        "Londn",
        "timezone",
        "'Europe/Londn'",
        "a time zone of the IANA list such as Europe/London",
    ),
    "slug with a parenthesis": Slip(
        "slug: more",
        "slug: CNNs (1)",
        "slug: CNNs",
        "days.1.slug",
        "'CNNs (1)'",
        "lower-case letters, digits and single dashes, such as cnns-1",
    ),
    "slug of two days": Slip(
        "slug: more",
        "slug: intro",
        "slug: intro",
        "days.1.slug",
        "'intro'",
        "a slug of its own; day 1 has this one",
    ),
    "day numbers with a gap": Slip(
        "number: 2\n",
        "number: 5\n",
        "number: 5",
        "days.1.number",
        "5",
        "2: days count from 1, no gaps",
    ),
    "date before the day before": Slip(
        "date: 2026-10-28\n    weekday: Wednesday\n",
        "date: 2026-10-26\n",
        "date: 2026-10-26",
        "days.1.date",
        "2026-10-26",
        "a date after 2026-10-26, the day before it in the file",
    ),
    "date that is none": Slip(
        "date: 2026-10-28",
        "date: 28.10.2026",
        "28.10.2026",
        "days.1.date",
        "'28.10.2026'",
        "a date such as 2025-11-24",
    ),
    "date not in the calendar": Slip(
        "date: 2026-10-28",
        "date: '2026-02-30'",
        "2026-02-30",
        "days.1.date",
        "'2026-02-30'",
        "a date such as 2025-11-24",
    ),
    "date with a time": Slip(
        "date: 2026-10-28",
        "date: 2026-10-28 09:00:00",
        "09:00:00",
        "days.1.date",
        "2026-10-28 09:00:00",
        "a date such as 2025-11-24",
    ),
    "date as a number": Slip(
        "date: 2026-10-28", "date: 20261028", "20261028", "days.1.date", "20261028", "a date such"
    ),
    "date in year 225": Slip(
        "date: 2026-10-28", "date: 0226-10-28", "0226", "days.1.date", "0226-10-28", "a date such"
    ),
    "weekday of another date": Slip(
        "weekday: Wednesday",
        "weekday: Tuesday",
        "weekday: Tuesday",
        "days.1.weekday",
        "Tuesday",
        "Wednesday, which 2026-10-28 is",
    ),
    "time as a number": Slip(
        'starts: "09:00"',
        "starts: 900",
        "starts: 900",
        "hours.morning.starts",
        "900",
        'a time of day such as "09:00"',
    ),
    "time past midnight": Slip(
        'starts: "09:00"', 'starts: "25:00"', "25:00", "hours.morning.starts", "'25:00'", "a time"
    ),
    "morning that ends before it starts": Slip(
        'ends: "12:00"',
        'ends: "08:00"',
        "08:00",
        "hours.morning.ends",
        "08:00",
        "a time after 09:00, when the morning starts",
    ),
    "afternoon before the morning's end": Slip(
        'afternoon: {starts: "14:00"',
        'afternoon: {starts: "11:00"',
        '"11:00"',
        "hours.afternoon.starts",
        "11:00",
        "12:00 or later, when the morning ends",
    ),
    "session that ends before it starts": Slip(
        "title: More}",
        'title: More, ends: "08:30"}',
        "08:30",
        "days.1.sessions.0.ends",
        "08:30",
        "a time after 09:00, when the session starts",
    ),
    "session during the one before it": Slip(
        "title: First exercises}",
        'title: First exercises, starts: "11:30"}',
        "First exercises",
        "days.0.sessions.1",
        "a start at 11:30",
        "12:00 or later, when the session before it ends",
    ),
    "time of a session that is not taught": Slip(
        "title: Extra}",
        'title: Extra, starts: "14:00"}',
        "Extra",
        "days.1.sessions.1.starts",
        "a time",
        "no time: kind 'additional' has none",
    ),
    "taught all day without hours": Slip(
        "{part: all-day, kind: coursework, title: Coursework}",
        "{part: all-day, kind: lecture, title: Coursework}",
        "part: all-day",
        "days.3.sessions.0.starts",
        "nothing",
        "a time: 'all-day' has no usual hours",
    ),
    "taught on a free afternoon": Slip(
        "{part: additional, kind: additional, title: Extra}",
        "{part: afternoon, kind: exercises, title: Extra}",
        "title: Extra",
        "days.1.sessions.1.part",
        "afternoon",
        "no taught session: Wednesday afternoons are free (free_afternoons)",
    ),
    "part twice in a day": Slip(
        "{part: afternoon, kind: exercises, title: First exercises}",
        '{part: morning, kind: exercises, title: First, starts: "13:00", ends: "13:30"}',
        "title: First,",
        "days.0.sessions.1.part",
        "morning",
        "each part of a day at most once",
    ),
    "additional kind in the afternoon": Slip(
        "{part: afternoon, kind: exercises, title: First exercises}",
        "{part: afternoon, kind: additional, title: First exercises}",
        "First exercises",
        "days.0.sessions.1.kind",
        "additional",
        "part and kind both 'additional', or neither",
    ),
    "day without a session": Slip(
        "    sessions:\n      - {part: all-day, kind: coursework, title: Coursework}\n",
        "    sessions: []\n",
        "sessions: []",
        "days.3.sessions",
        "an empty list",
        "a list of at least 1",
    ),
    "additional session with nothing to count back from": Slip(
        "      - {part: morning, kind: lecture, title: More}\n",
        "",
        "title: Extra",
        "days.1.sessions.0.release",
        "nothing",
        "a moment: no session of this day has a time to count back from",
    ),
    "start in the hour that spring skips": Slip(
        "    date: 2026-10-26\n    weekday: Monday\n    slug: intro\n    sessions:\n"
        "      - part: morning\n",
        "    date: 2026-03-29\n    slug: intro\n    sessions:\n"
        '      - part: morning\n        starts: "01:30"\n',
        '"01:30"',
        "days.0.sessions.0.starts",
        "2026-03-29 01:30",
        "a time that exists: 2026-03-29 01:30 is skipped in Europe/London",
    ),
    "end in the hour that autumn repeats": Slip(
        "    date: 2026-10-26\n    weekday: Monday\n    slug: intro\n    sessions:\n"
        "      - part: morning\n",
        "    date: 2026-10-25\n    slug: intro\n    sessions:\n"
        '      - part: morning\n        starts: "00:10"\n        ends: "01:30"\n',
        'ends: "01:30"',
        "days.0.sessions.0.ends",
        "2026-10-25 01:30",
        "a time that comes once: 2026-10-25 01:30 comes twice in Europe/London",
    ),
    "release in the hour that autumn repeats": Slip(
        "title: More}",
        'title: More, release: "2026-10-25 01:30"}',
        "title: More",
        "days.1.sessions.0.release",
        "2026-10-25 01:30",
        "a time that comes once",
    ),
    "release after the start": Slip(
        "title: More}",
        'title: More, release: "2026-10-28 09:01"}',
        "title: More",
        "days.1.sessions.0.release",
        "2026-10-28 09:01",
        "2026-10-28 09:00 or earlier, when the session starts",
    ),
    "release of an additional session after its day's first start": Slip(
        "title: Extra}",
        'title: Extra, release: "2026-10-28 09:01"}',
        "title: Extra",
        "days.1.sessions.1.release",
        "2026-10-28 09:01",
        "2026-10-28 09:00 or earlier, when the session starts",
    ),
    "release written at the coursework's session": Slip(
        'title: Release, starts: "14:00"}',
        'title: Release, starts: "14:00", release: "2026-10-29 13:00"}',
        "title: Release",
        "days.2.sessions.1.release",
        "2026-10-29 13:00",
        "no release here: the coursework's own (coursework.release) counts",
    ),
    "release with a zone": Slip(
        'release: "2026-10-29 14:00"',
        "release: 2026-10-29T14:00:00Z",
        "14:00:00Z",
        "coursework.release",
        "2026-10-29T14:00:00+00:00",
        'a moment on the course\'s own clock such as "2025-12-11 14:00"',
    ),
    "negative days before": Slip(
        "days_before: 2",
        "days_before: -1",
        "days_before",
        "release.days_before",
        "-1",
        "a number of at least 0",
    ),
    "coursework released at another minute than its session": Slip(
        'release: "2026-10-29 14:00"',
        'release: "2026-10-29 14:01"',
        "14:01",
        "coursework.release",
        "2026-10-29 14:01",
        "2026-10-29 14:00, when day03-afternoon starts",
    ),
    "deadline before the release": Slip(
        'deadline: "2026-10-30 18:00"\n',
        'deadline: "2026-10-29 13:00"\n',
        "deadline:",
        "coursework.deadline",
        "2026-10-29 13:00",
        "a moment after the release, 2026-10-29 14:00",
    ),
    "work after the deadline": Slip(
        "    date: 2026-10-30\n",
        "    date: 2026-10-31\n",
        "kind: coursework, ",
        "days.3.sessions.0.kind",
        "coursework",
        "no work after the deadline, 2026-10-30 18:00",
    ),
    "coursework of a session that is not there": Slip(
        "work_session: day04-all-day",
        "work_session: day04-allday",
        "work_session",
        "coursework.work_session",
        "'day04-allday'",
        "a session of the course (perhaps 'day04-all-day')",
    ),
    "coursework of a lecture": Slip(
        "work_session: day04-all-day",
        "work_session: day02-morning",
        "work_session",
        "coursework.work_session",
        "'day02-morning', of the kind 'lecture'",
        "a session of the kind 'coursework'",
    ),
    "second coursework release": Slip(
        "{part: all-day, kind: coursework, title: Coursework}",
        '{part: afternoon, kind: coursework-release, title: C, starts: "14:00"}\n'
        "      - {part: all-day, kind: coursework, title: Coursework}",
        "title: C, ",
        "days.3.sessions.0.kind",
        "coursework-release",
        "one release of the coursework, day03-afternoon",
    ),
    "coursework release without a start": Slip(
        'title: Release, starts: "14:00"}',
        "title: Release}",
        "title: Release",
        "days.2.sessions.1.starts",
        "nothing",
        "the time at which the coursework comes out",
    ),
    "recap at a lecture": Slip(
        "theory: day03-morning",
        "theory: day02-morning",
        "theory: day02",
        "recaps.0.theory",
        "'day02-morning', of the kind 'lecture'",
        "a session of the kind 'recap-quiz'",
    ),
    "recaps with a gap": Slip(
        "{number: 1, theory", "{number: 2, theory", "theory:", "recaps.0.number", "2", "1: recaps"
    ),
    "topic numbers going back": Slip(
        "number: 3, title: Three",
        "number: 1, title: Three",
        "title: Three",
        "topics.1.number",
        "1",
        "a number above 1, the topic before it (gaps are allowed)",
    ),
    "former path of two sessions": Slip(
        "morning 100%.ipynb",
        "morning code.ipynb",
        "solutions: Day01(a)",
        "days.0.sessions.0.former.solutions",
        "'Day01(a)/morning code.ipynb'",
        "a path of its own; day01-morning has this one",
    ),
    "former path of a notebook that the kind has not": Slip(
        "codealong: Day01",
        "exercises: Day01",
        "exercises: Day01",
        "days.0.sessions.0.former.exercises",
        "'exercises'",
        "only notebooks of the kind 'lecture'",
    ),
    "former path that leaves its repository": Slip(
        "codealong: Day01(a)/",
        "codealong: ../",
        "codealong: ../",
        "days.0.sessions.0.former.codealong",
        "'../morning code.ipynb'",
        "a path inside a repository, such as Day01/notebook.ipynb",
    ),
    "former paths without repositories": Slip(
        "former:\n  repositories: [Old_Course, Old_Course_Teaching]\n  branch: master\ndays:\n",
        "days:\n",
        "codealong:",
        "days.0.sessions.0.former.codealong",
        "a former path",
        "the former repositories under the key 'former'",
    ),
    "address that is none": Slip(
        "https://pytorch.org/",
        "pytorch.org",
        "framework",
        "framework.url",
        "'pytorch.org'",
        "a web address such as https://example.org/page",
    ),
    "e-mail address that is none": Slip(
        "ada@example.org",
        "ada at example.org",
        "coordinator",
        "team.coordinator.email",
        "'ada at example.org'",
        "an e-mail address such as name@example.org",
    ),
    "coordinator without an address": Slip(
        ", email: ada@example.org",
        "",
        "coordinator",
        "team.coordinator.email",
        "nothing",
        "a value (the e-mail address)",
    ),
    "title of two lines": Slip(
        "title: Sample course\n",
        "title: |\n  Sample\n  course\n",
        "title: |",
        "title",
        "'Sample\\ncourse\\n'",
        "one line of text, with no space at its ends",
    ),
    "key twice": Slip(
        "slug: sample\n",
        "slug: sample\nslug: other\n",
        "slug: other",
        "slug",
        "the key a second time",
        "each key once",
    ),
}


def refused(load: Callable[[str], Course], text: str) -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        load(text)
    assert str(caught.value).endswith("Check again with: cohorthub course check")
    return caught.value.problems


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS)
def test_a_slip_is_refused_at_its_line(
    slip: Slip, sample_text: str, course_from: Callable[[str], Course], tmp_path: Path
) -> None:
    assert sample_text.count(slip.old) == 1, "the slip must change one place"
    text = sample_text.replace(slip.old, slip.new)
    problems = {problem.key: problem for problem in refused(course_from, text)}
    assert slip.key in problems, f"only {sorted(problems)}"
    problem = problems[slip.key]
    file, number = problem.where.rsplit(":", 1)
    assert file == str(tmp_path / "course.yml")
    assert slip.line in text.splitlines()[int(number) - 1]
    assert problem.found == slip.found
    assert slip.expected in problem.expected


def test_the_sample_itself_is_accepted(sample_course: Course) -> None:
    assert [session.slug for session in sample_course.sessions] == [
        "day01-morning",
        "day01-afternoon",
        "day02-morning",
        "day02-additional",
        "day03-morning",
        "day03-afternoon",
        "day04-all-day",
    ]


def test_slips_at_several_places_are_reported_together(
    sample_text: str, course_from: Callable[[str], Course]
) -> None:
    text = sample_text.replace("number: 2\n", "number: 7\n").replace(
        "theory: day03", "theory: day09"
    )
    assert {p.key for p in refused(course_from, text)} == {"days.1.number", "recaps.0.theory"}


def test_a_missing_file_is_named_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_course(tmp_path / "course.yml")
    assert str(caught.value) == (
        f"{tmp_path / 'course.yml'}: found no such file, expected a YAML file there\n"
        "Check again with: cohorthub course check"
    )
