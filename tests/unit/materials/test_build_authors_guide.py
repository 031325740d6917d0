"""The authors' guide shows a source that builds, and the stub that comes out of it."""

import json
import re
from pathlib import Path

from cohorthub.course import load_course
from cohorthub.materials.build import build_session
from cohorthub.materials.source import CODE_TAGS, MARKDOWN_TAGS
from tests.support.student import COURSEKIT, ROOT

GUIDE = (ROOT / "docs" / "authors.md").read_text(encoding="utf-8")


def test_the_example_builds_into_what_the_guide_shows(tmp_path: Path) -> None:
    source, stub = re.findall(r"^```python\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    path = tmp_path / "morning.py"
    path.write_text(source, encoding="utf-8")
    course = load_course(ROOT / "materials" / "course.yml")
    built = build_session(path, course.session("day01-morning"), course=course)
    template = ["".join(cell["source"]) for cell in json.loads(built["codealong"])["cells"]]
    assert len(template) == 5
    assert template[2].endswith(stub.rstrip("\n"))
    assert template[3].startswith("<details>")


def test_every_tag_but_the_automatic_one_is_explained() -> None:
    for tag in {*CODE_TAGS, *MARKDOWN_TAGS} - {"exercise"}:
        assert f'tags=["{tag}"]' in GUIDE


def test_what_it_says_of_coursekit_is_there() -> None:
    paragraph = next(p for p in GUIDE.split("\n\n") if p.startswith("`coursekit`"))
    names = set(re.findall(r"`(\w+)(?:\([^`]*)?`", paragraph)) - {"coursekit", "expect"}
    exported = (COURSEKIT / "coursekit" / "__init__.py").read_text(encoding="utf-8")
    assert {"get_dataset", "show", "LiveCurves"} <= names
    assert all(f'"{name}"' in exported for name in names)
