"""docs/course-facts.md lists every key and every kind of session, and nothing that is not there."""

import re
import typing
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from cohorthub.course.document import CourseDocument
from cohorthub.course.facts import TAUGHT, VARIANTS

PAGE = Path(__file__).parents[3] / "docs" / "course-facts.md"


def inside(annotation: object) -> Iterator[object]:
    yield annotation
    for argument in typing.get_args(annotation):
        yield from inside(argument)


def rows(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        parts = list(inside(field.annotation))
        is_list = any(typing.get_origin(part) is tuple for part in parts)
        key = f"{prefix}{name}{'[]' if is_list else ''}"
        yield f"| `{key}` | {'yes' if field.is_required() else ''} | {field.description} |"
        for part in parts:
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from rows(part, f"{key}.")


def test_every_key_is_described_and_no_other() -> None:
    keys = PAGE.read_text().partition("## Every key")[2]
    assert re.findall(r"^\| `.*$", keys, re.MULTILINE) == list(rows(CourseDocument))


def test_every_kind_of_session_is_described_and_no_other() -> None:
    kinds = PAGE.read_text().partition("## What follows")[0]
    assert re.findall(r"^\| `.*$", kinds, re.MULTILINE) == [
        f"| `{kind}` | {'yes' if kind in TAUGHT else 'no'} | {', '.join(variants) or 'none'} |"
        for kind, variants in VARIANTS.items()
    ]
