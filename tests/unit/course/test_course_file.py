"""materials/course.yml says what the course page says."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from cohorthub.course import Course, CourseError, Session

LONDON = ZoneInfo("Europe/London")

# Day, part, title, kind, hours: the rows of the course page's table (Day 1 with the hub for Colab).
ROWS = [
    (1, "morning", "Intro, the hub, and FFNs", "lecture", "09:00-12:00"),
    (1, "afternoon", "Intro, the hub, and FFNs", "exercises", "14:00-17:00"),
    (2, "morning", "DL concepts", "lecture", "09:00-12:00"),
    (2, "afternoon", "PyTorch", "lecture", "14:00-17:00"),
    (3, "morning", "PyTorch", "exercises", "09:00-12:00"),
    (3, "additional", "DL concepts", "additional", "not taught"),
    (4, "morning", "CNNs (1)", "lecture", "09:00-12:00"),
    (4, "afternoon", "CNNs (1)", "exercises", "14:00-17:00"),
    (5, "morning", "CNNs (2)", "lecture", "09:00-12:00"),
    (5, "afternoon", "CNNs (2)", "exercises", "14:00-17:00"),
    (6, "morning", "Recap (1) and Quiz (1)", "recap-quiz", "09:00-12:00"),
    (6, "afternoon", "Exercises Recap (1)", "exercise-recap", "14:00-17:00"),
    (7, "morning", "VAEs", "lecture", "09:00-12:00"),
    (7, "afternoon", "VAEs", "exercises", "14:00-17:00"),
    (8, "morning", "GANs", "lecture", "09:00-12:00"),
    (8, "additional", "GANs", "additional", "not taught"),
    (9, "morning", "Diffusion Models", "lecture", "09:00-12:00"),
    (9, "afternoon", "Diffusion Models", "exercises", "14:00-17:00"),
    (10, "morning", "Recap (2) and Quiz (2)", "recap-quiz", "09:00-12:00"),
    (10, "afternoon", "Exercises Recap (2)", "exercise-recap", "14:00-17:00"),
    (11, "morning", "RNNs & LSTMs", "lecture", "09:00-12:00"),
    (11, "afternoon", "Transformers primer", "exercises", "14:00-17:00"),
    (12, "morning", "Transformers", "lecture", "09:00-12:00"),
    (12, "afternoon", "Transformers", "exercises", "14:00-17:00"),
    (13, "morning", "Latest developments", "lecture", "09:00-12:00"),
    (13, "additional", "Deep RL", "additional", "not taught"),
    (14, "morning", "Recap (3) and Quiz (3)", "recap-quiz", "09:00-12:00"),
    (14, "afternoon", "Coursework Release", "coursework-release", "14:00"),
    (15, "all-day", "Coursework", "coursework", "not taught"),
]


def hours(session: Session) -> str:
    if session.starts is None:
        return "not taught"
    ends = "" if session.ends is None else f"-{session.ends:%H:%M}"
    return f"{session.starts:%H:%M}{ends}"


def test_every_row_of_the_timetable(real: Course) -> None:
    rows = [(s.day, s.part, s.title, s.kind, hours(s)) for s in real.sessions]
    assert rows == ROWS


def test_fifteen_working_days_in_three_weeks(real: Course) -> None:
    dates = [day.date for day in real.days]
    assert dates[0] == date(2025, 11, 24)
    assert dates[-1] == date(2025, 12, 12)
    assert len(dates) == 15
    assert [day.weekday for day in real.days] == 3 * [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
    ]


def test_nothing_is_taught_on_wednesday_afternoons(real: Course) -> None:
    wednesdays = [day for day in real.days if day.weekday == "Wednesday"]
    assert [day.number for day in wednesdays] == [3, 8, 13]
    for day in wednesdays:
        assert [session.part for session in day.sessions if session.taught] == ["morning"]


def test_times_are_instants_of_london(real: Course) -> None:
    session = real.session("day01-morning")
    assert session.starts == datetime(2025, 11, 24, 9, tzinfo=LONDON)
    assert session.ends == datetime(2025, 11, 24, 12, tzinfo=LONDON)
    assert real.timezone == LONDON


def test_a_taught_session_has_both_times_and_the_others_lack_one(real: Course) -> None:
    for session in real.sessions:
        complete = session.starts is not None and session.ends is not None
        assert session.taught == complete, session.slug


@pytest.mark.parametrize(
    ("slug", "released"),
    [
        ("day01-morning", datetime(2025, 11, 22, 9)),
        ("day01-afternoon", datetime(2025, 11, 22, 14)),
        ("day03-additional", datetime(2025, 11, 24, 9)),
        ("day08-additional", datetime(2025, 12, 1, 9)),
        ("day14-morning", datetime(2025, 12, 9, 9)),
        ("day14-afternoon", datetime(2025, 12, 11, 14)),
        ("day15-all-day", datetime(2025, 12, 11, 14)),
    ],
)
def test_release_two_days_before_and_coursework_at_its_minute(
    real: Course, slug: str, released: datetime
) -> None:
    assert real.session(slug).released_at == released.replace(tzinfo=LONDON)


def test_the_coursework(real: Course) -> None:
    coursework = real.coursework
    assert coursework.released_at == datetime(2025, 12, 11, 14, tzinfo=LONDON)
    assert coursework.deadline == datetime(2025, 12, 12, 18, tzinfo=LONDON)
    assert coursework.release_session == "day14-afternoon"
    assert coursework.work_session == "day15-all-day"


def test_only_the_thirteenth_day_is_not_assessed(real: Course) -> None:
    assert [day.number for day in real.days if not day.assessed] == [13]


def test_topics_keep_their_numbers_and_there_is_no_ninth(real: Course) -> None:
    assert [topic.number for topic in real.topics] == [1, 2, 3, 4, 5, 6, 7, 8, 10, 11]
    topics = {topic.number: topic for topic in real.topics}
    assert len(topics[7].parts) == 3
    assert topics[10].title == "Transformers"
    assert [topic.number for topic in real.topics if not topic.assessed] == [11]


def test_three_recaps_the_last_without_exercises(real: Course) -> None:
    assert [(r.theory, r.exercises) for r in real.recaps] == [
        ("day06-morning", "day06-afternoon"),
        ("day10-morning", "day10-afternoon"),
        ("day14-morning", None),
    ]


def test_primer_bibliography_outcomes_and_framework(real: Course) -> None:
    assert [len(part.videos) for part in real.primer] == [4, 3]
    assert [len(book.authors) for book in real.bibliography] == [1, 3]
    assert len(real.outcomes) == 2
    assert real.framework.url == "https://pytorch.org/"
    assert "solid foundation" in real.objectives


def test_the_team_has_twelve_people_and_a_coordinator(real: Course) -> None:
    assert len(real.team.people) == 12
    assert real.team.people[0] is real.team.coordinator
    assert real.team.coordinator.email.startswith("c.cueto@")
    assert not [person for person in real.team.members if person.email]


def test_the_first_day_speaks_of_the_hub_where_the_page_had_colab(real: Course) -> None:
    for session in real.days[0].sessions:
        assert "Colab" not in session.title
        assert session.former_title == "Intro, Colab, and FFNs"


def test_names_and_paths_follow_from_the_file(real: Course) -> None:
    lecture, coursework = real.session("day04-morning"), real.session("day14-afternoon")
    assert lecture.folder == "day04-cnns-1"
    assert lecture.source == "day04-cnns-1/morning.py"
    assert lecture.files == {
        "codealong": "day04-cnns-1/day04-morning-codealong.ipynb",
        "solutions": "day04-cnns-1/day04-morning-solutions.ipynb",
    }
    assert real.session("day04-afternoon").variants == ("exercises", "solutions")
    assert real.session("day02-afternoon").variants == ("codealong", "solutions")
    assert real.session("day03-morning").variants == ("exercises", "solutions")
    assert list(coursework.files) == ["template"]
    assert not real.session("day15-all-day").files
    assert [day.folder for day in real.days[:2]] == [
        "day01-intro-ffns",
        "day02-dl-concepts-pytorch",
    ]


def test_every_path_is_plain_and_its_own(real: Course) -> None:
    paths = [path for session in real.sessions for path in session.files.values()]
    assert len(paths) == len(set(paths)) == 2 * 27 + 1
    for path in paths:
        assert not set(path) - set("abcdefghijklmnopqrstuvwxyz0123456789-/."), path


def test_the_links_of_the_course_page_were_to_sixteen_notebooks(real: Course) -> None:
    former = [file.path for session in real.sessions for file in session.former]
    assert len(former) == 16
    assert len({path.split("/")[0] for path in former}) == 4


def test_an_unknown_session_is_answered_with_the_closest(real: Course) -> None:
    with pytest.raises(
        CourseError, match=r"no session 'day1-morning'; did you mean day01-morning\?"
    ):
        real.session("day1-morning")
    with pytest.raises(CourseError, match="the sessions are day01-morning, "):
        real.session("xyz")


def test_an_unknown_notebook_is_answered_with_what_there_is(real: Course) -> None:
    with pytest.raises(CourseError, match="it has codealong and solutions"):
        real.session("day01-morning").file("exercises")
    with pytest.raises(CourseError, match="it has no notebook"):
        real.session("day15-all-day").file("template")


def test_days_are_found_by_number(real: Course) -> None:
    assert real.day(15).slug == "coursework"
    for number in (0, 16):
        with pytest.raises(CourseError, match="its days are 1 to 15"):
            real.day(number)


def test_facts_cannot_be_changed(real: Course) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        real.sessions[0].title = "another"  # type: ignore[misc]
    assert hash(real.sessions[0]) != hash(real.sessions[1])
