"""Problems say where, what was found and what is expected, and never show a secret."""

from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from cohorthub.problems import (
    ConfigurationError,
    CrossCheckError,
    Finding,
    Problem,
    closest,
    load_yaml,
    problems_from_validation,
    show,
)


class Profile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    memory_gb: int = Field(ge=1, description="memory of one server in gigabytes")
    colour: Literal["red", "green"] = "red"


class Example(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="name of the thing")
    password: SecretStr | None = None
    database_url: str = ""
    profiles: dict[str, Profile] = {}
    either: Profile | int = 3
    items: list[Profile] = []
    first: int = 1
    last: int = 2

    @model_validator(mode="after")
    def in_order(self) -> "Example":
        if self.first > self.last:
            loc = ("last",)
            raise CrossCheckError([Finding(loc, str(self.last), f"at least {self.first}")])
        return self


def problems_of(
    data: Any, *, model: type[BaseModel] | None = Example, **options: Any
) -> list[Problem]:
    with pytest.raises(ValidationError) as caught:
        Example.model_validate(data)
    return problems_from_validation("hub.yml", caught.value, model=model, **options)


@pytest.mark.parametrize(
    ("data", "key", "found", "expected"),
    [
        ({}, "name", "nothing", "a value (name of the thing)"),
        ({"name": 3}, "name", "3", "text"),
        (
            {"name": "a", "nmae": "b"},
            "nmae",
            "an unknown key",
            "'name' (the closest known key)",
        ),
        (
            {"name": "a", "items": [{"memory_gb": 0}]},
            "items.0.memory_gb",
            "0",
            "a number of at least 1",
        ),
        (
            {"name": "a", "items": [{"memory_gb": 1, "colour": "gren"}]},
            "items.0.colour",
            "'gren'",
            "'red' or 'green' (perhaps 'green')",
        ),
        (
            {"name": "a", "items": [{"memory_gb": "lots"}]},
            "items.0.memory_gb",
            "'lots'",
            "a whole number",
        ),
        ({"name": "a", "items": {"x": 1}}, "items", "a mapping of keys", "a list"),
        (
            {"name": "a", "profiles": {"cpu": {"memory_gb": 1, "color": "red"}}},
            "profiles.cpu.color",
            "an unknown key",
            "'colour' (the closest known key)",
        ),
        (
            {"name": "a", "profiles": {"cpu": {}}},
            "profiles.cpu.memory_gb",
            "nothing",
            "a value (memory of one server in gigabytes)",
        ),
        (
            {"name": "a", "items": [{"memory_gb": 1, "zzz": 1}]},
            "items.0.zzz",
            "an unknown key",
            "one of colour, memory_gb",
        ),
        ({"name": "a", "first": 5}, "last", "2", "at least 5"),
    ],
)
def test_an_error_becomes_a_problem_in_plain_words(
    data: Any, key: str, found: str, expected: str
) -> None:
    assert problems_of(data) == [Problem("hub.yml", key, found, expected)]


def test_every_error_is_reported_at_once() -> None:
    assert [p.key for p in problems_of({"nmae": "x", "items": [{}]})] == [
        "name",
        "items.0.memory_gb",
        "nmae",
    ]


def test_an_unknown_key_without_a_model_still_names_itself() -> None:
    (problem,) = problems_of({"name": "a", "nmae": "b"}, model=None)
    assert (problem.key, problem.expected) == ("nmae", "only keys that are known here")


def test_an_error_within_a_union_is_placed_at_its_field() -> None:
    keys = [p.key for p in problems_of({"name": "a", "either": {"memory_gb": "x"}})]
    assert keys
    assert all(key.startswith("either") for key in keys)


SECRET = "hunter2-hunter2"


@pytest.mark.parametrize(
    ("data", "options"),
    [
        ({"name": "a", "password": [SECRET]}, {}),
        ({"name": "a", "password": {"value": SECRET}}, {}),
        ({"name": "a", "pasword": SECRET}, {}),
        ({"name": "a", "database_url": [SECRET]}, {"secrets": {"database_url"}}),
        ({"name": "a", "DATABASE_URL": SECRET}, {"secrets": {"database_url"}}),
        ({"name": "a", "items": [{"memory_gb": SECRET}]}, {"secrets": {"MEMORY_GB"}}),
        ({"name": "a", "items": [{"memory_gb": SECRET}]}, {"secrets": {"items.0.memory_gb"}}),
        ({"name": "a", "items": [{"memory_gb": 1, "colour": SECRET}]}, {"secrets": {"items"}}),
        ({"name": "a", "first": 9, "password": SECRET}, {}),
    ],
)
def test_a_secret_is_never_shown(data: Any, options: Any) -> None:
    problems = problems_of(data, **options)
    assert problems
    assert SECRET not in "\n".join(map(str, problems))


def test_a_hidden_value_of_a_custom_check_is_not_repeated() -> None:
    class Checked(BaseModel):
        token: str

        @model_validator(mode="before")
        @classmethod
        def refuse(cls, data: Any) -> Any:
            raise ValueError(f"no {data['token']}")

    class Outer(BaseModel):
        secret: Checked

    with pytest.raises(ValidationError) as caught:
        Outer.model_validate({"secret": {"token": SECRET}})
    problems = problems_from_validation("f", caught.value, secrets={"secret"})
    assert SECRET not in str(problems)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "nothing"),
        ("a", "'a'"),
        (3, "3"),
        ({"a": 1}, "a mapping of keys"),
        ({}, "an empty mapping"),
        ([1, 2], "a list of 2"),
        ([], "an empty list"),
        ("x" * 200, "'" + "x" * 78 + "…"),
    ],
)
def test_shown_values_are_short(value: object, shown: str) -> None:
    assert show(value) == shown


def test_the_closest_name_ignores_case() -> None:
    assert closest("TITEL", ["title", "kind"]) == "title"
    assert closest("zzz", ["title", "kind"]) is None


def test_the_error_lists_every_problem_and_ends_with_the_command() -> None:
    error = ConfigurationError(
        [Problem("a.yml:3", "x.y", "1", "text"), Problem("b.yml", "", "no such file", "a file")],
        command="cohorthub course check",
    )
    assert str(error).splitlines() == [
        "a.yml:3: x.y: found 1, expected text",
        "b.yml: found no such file, expected a file",
        "Check again with: cohorthub course check",
    ]


class TestYaml:
    def write(self, folder: Path, text: str | bytes) -> Path:
        file = folder / "hub.yml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def test_data_is_plain_and_lines_are_known(self, tmp_path: Path) -> None:
        file = self.write(
            tmp_path,
            "# comment\nname: a\nitems:\n  - memory_gb: 1\n  - memory_gb: 2\n    colour: red\n"
            "base: &b {x: 1}\nmore:\n  <<: *b\n  flag: true\n  size: 0x10\n  rate: 0.5\n"
            "  text: |\n    long\n  time: 09:00\n  none:\n",
        )
        data, lines = load_yaml(file)
        assert data == {
            "name": "a",
            "items": [{"memory_gb": 1}, {"memory_gb": 2, "colour": "red"}],
            "base": {"x": 1},
            "more": {
                "x": 1,
                "flag": True,
                "size": 16,
                "rate": 0.5,
                "text": "long\n",
                "time": "09:00",
                "none": None,
            },
        }
        plain = {dict, list, str, int, bool, float, type(None)}

        def types(node: Any) -> set[type]:
            inner = node.values() if isinstance(node, dict) else node
            nested = inner if isinstance(node, dict | list) else []
            return {type(node)}.union(*(types(part) for part in nested))

        assert types(data) <= plain
        assert lines["items.1.colour"] == 6
        assert lines["more.flag"] == 10
        assert "more.x" not in lines

    def test_problems_carry_the_line(self, tmp_path: Path) -> None:
        file = self.write(tmp_path, "name: a\n\nitems:\n  - colour: red\n  - memory_gb: x\n")
        data, lines = load_yaml(file)
        found = [(p.where, p.key) for p in problems_of(data, lines=lines)]
        assert found == [
            ("hub.yml:4", "items.0.memory_gb"),
            ("hub.yml:5", "items.1.memory_gb"),
        ]

    @pytest.mark.parametrize(
        ("text", "where", "key", "found", "expected"),
        [
            ("name: a\nname: b\n", ":2", "name", "the key a second time", "each key once"),
            ("name: a: b\n", ":1", "", "mapping values are not allowed here", "valid YAML"),
            ("a: 1\nb: [1\nc: 2\n", ":3", "", "while parsing a flow sequence", "valid YAML"),
            ("a: 1\n\tb: 2\n", ":2", "", "while scanning", "valid YAML"),
            ("a: *nobody\n", ":1", "", "found undefined alias 'nobody'", "valid YAML"),
            ("a: 1\n---\nb: 2\n", ":2", "", "another document", "valid YAML"),
            ("", ":1", "", "an empty file", "a mapping of keys at the top"),
            ("- a\n", ":1", "", "no keys at the top", "a mapping of keys at the top"),
            ("just text\n", ":1", "", "no keys at the top", "a mapping of keys at the top"),
            (
                "a:\n  b: !secret x\n",
                ":2",
                "a.b",
                "the tag !secret",
                "a value without a tag",
            ),
            (b"a: \xff\n", "", "", "a byte that is no UTF-8 at position 3", "text in UTF-8"),
        ],
    )
    def test_a_broken_file_is_refused_with_its_line(
        self, tmp_path: Path, text: str, where: str, key: str, found: str, expected: str
    ) -> None:
        file = self.write(tmp_path, text)
        with pytest.raises(ConfigurationError) as caught:
            load_yaml(file, command="cohorthub settings check")
        (problem,) = caught.value.problems
        assert problem.where == f"{file}{where}"
        assert problem.key == key
        assert found in problem.found
        assert problem.expected == expected
        assert str(caught.value).endswith("Check again with: cohorthub settings check")

    def test_a_duplicate_key_shows_no_value(self, tmp_path: Path) -> None:
        file = self.write(tmp_path, f"password: {SECRET}\npassword: {SECRET}2\n")
        with pytest.raises(ConfigurationError) as caught:
            load_yaml(file)
        assert SECRET not in str(caught.value)

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match=r"none\.yml: found no such file"):
            load_yaml(tmp_path / "none.yml")

    def test_a_folder_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="found is a directory"):
            load_yaml(tmp_path)
