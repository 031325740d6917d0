"""What is wrong in a configuration, said so that an admin can put it right.

Everything that reads a file or the environment reports through this module: each
``Problem`` names the place, the key, what was found there and what is expected, and one
``ConfigurationError`` carries them all, so that a file with five mistakes is mended in one
round. YAML is read by ``load_yaml``, which knows the line of every key.
"""

import re
import typing
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarbool import ScalarBoolean

Location = tuple[int | str, ...]
"""A place inside a document: keys and list positions from the outermost inwards."""

_LONGEST_SHOWN = 80
_HIDDEN = "a value that is not shown here"


@dataclass(frozen=True)
class Problem:
    """One thing to put right: where it is, under which key, what is there, what should be.

    ``where`` names a file (with a line, ``course.yml:42``, where one is known) or another
    source such as the environment; ``key`` is a dotted path (``days.3.sessions.0.title``)
    and empty when the problem is the file as a whole.
    """

    where: str
    key: str
    found: str
    expected: str

    def __str__(self) -> str:
        place = f"{self.where}: {self.key}" if self.key else self.where
        return f"{place}: found {self.found}, expected {self.expected}"


class ConfigurationError(Exception):
    """A configuration that cannot be used, with everything that is wrong in it.

    ``command`` is the command that repeats the check; the message ends with it.
    """

    def __init__(self, problems: Iterable[Problem], *, command: str = "") -> None:
        self.problems: list[Problem] = list(problems)
        self.command = command
        super().__init__(self.problems, command)

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems]
        if self.command:
            lines.append(f"Check again with: {self.command}")
        return "\n".join(lines)


class Finding(NamedTuple):
    """What a cross-check found at one place, relative to the model that was checked."""

    loc: Location
    found: str
    expected: str


class CrossCheckError(ValueError):
    """Raised by a model's validator that compares several keys with each other.

    ``problems_from_validation`` turns each finding into a problem at its own place.
    """

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings: list[Finding] = list(findings)
        super().__init__("; ".join(f.expected for f in self.findings))


# --- from a failed validation ---------------------------------------------------------------


def problems_from_validation(
    where: str,
    exc: ValidationError,
    *,
    model: type[BaseModel] | None = None,
    lines: Mapping[str, int] | None = None,
    secrets: Collection[str] = (),
) -> list[Problem]:
    """One problem for each error of a failed pydantic validation, in plain words.

    ``where`` is the source's name; ``lines``, as ``load_yaml`` gives them, add ``:line`` to it.
    With the ``model`` given, an unknown key is answered with the closest known key, a missing
    one with its description, and values of ``SecretStr`` fields are hidden by themselves.
    ``secrets`` lists more keys whose values are never shown: single keys at any depth
    (``password``) or dotted paths (``database.url``), in any case.

    A ``ValueError`` of a custom validator is taken to say what is expected.
    """
    hidden = {name.lower() for name in secrets}
    problems = []
    for error in exc.errors(include_url=False):
        for loc, found, expected in _findings(error, model, hidden):
            line = _nearest_line(lines, loc) if lines else None
            place = where if line is None else f"{where}:{line}"
            problems.append(Problem(place, dotted(loc), found, expected))
    return problems


def dotted(loc: Location) -> str:
    """The dotted path of a location: ``("days", 3, "title")`` becomes ``days.3.title``."""
    return ".".join(str(part) for part in loc)


def show(value: object) -> str:
    """A value as it is shown in a problem: short, and a container without its contents."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping of keys" if value else "an empty mapping"
    if isinstance(value, list | tuple | set | frozenset):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, BaseModel):
        return "a mapping of keys"
    text = repr(value) if isinstance(value, str | bytes | bool | int | float) else str(value)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that ``name`` was probably meant to be, or None when nothing is near."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    matches = get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[matches[0]] if matches else None


def _findings(
    error: ErrorDetails, model: type[BaseModel] | None, hidden: Collection[str]
) -> Iterator[Finding]:
    loc: Location = tuple(error["loc"])
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, CrossCheckError):
        for finding in cause.findings:
            yield Finding(loc + finding.loc, finding.found, finding.expected)
        return
    kind = error["type"]
    field = _field_at(model, loc)
    if kind == "extra_forbidden":
        # The value is left out: a misspelt key may hold a password.
        yield Finding(loc, "an unknown key", _expected_key(model, loc))
        return
    if kind == "missing":
        exact = _field_at(model, loc, exact=True)
        description = exact.description if exact else None
        yield Finding(loc, "nothing", f"a value ({description})" if description else "a value")
        return
    if _is_hidden(loc, field, hidden):
        yield Finding(loc, _HIDDEN, _plain_expectation(error, hidden=True))
        return
    yield Finding(loc, show(error["input"]), _plain_expectation(error))


def _is_hidden(loc: Location, field: FieldInfo | None, hidden: Collection[str]) -> bool:
    parts = [str(part).lower() for part in loc]
    if any(part in hidden for part in parts) or ".".join(parts) in hidden:
        return True
    return field is not None and any(
        isinstance(part, type) and issubclass(part, SecretStr | SecretBytes)
        for part in _parts_of(field.annotation)
    )


def _expected_key(model: type[BaseModel] | None, loc: Location) -> str:
    known = sorted({key for owner in _models_at(model, loc[:-1]) for key in _keys_of(owner)})
    if not known:
        return "only keys that are known here"
    near = closest(str(loc[-1]), known)
    return f"'{near}' (the closest known key)" if near else f"one of {', '.join(known)}"


_ARTICLES = {
    "string_type": "text",
    "string_sub_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "date_type": "a date such as 2025-11-24",
    "date_parsing": "a date such as 2025-11-24",
    "date_from_datetime_parsing": "a date such as 2025-11-24",
    "date_from_datetime_inexact": "a date with no time of day",
    "time_type": "a time such as 09:00",
    "time_parsing": "a time such as 09:00",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "dict_type": "a mapping of keys",
    "mapping_type": "a mapping of keys",
    "model_type": "a mapping of keys",
    "model_attributes_type": "a mapping of keys",
    "invalid_key": "a key that is text",
    "none_required": "nothing",
    "url_type": "a web address such as https://example.org/page",
    "url_parsing": "a web address such as https://example.org/page",
    "path_type": "a path",
    "zoneinfo_str": "a time zone of the IANA list such as Europe/London",
}

_TEMPLATES = {
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
    "string_too_short": "text of at least {min_length} characters",
    "string_too_long": "text of at most {max_length} characters",
    "string_pattern_mismatch": "text of the form {pattern}",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "url_scheme": "an address that starts with {expected_schemes}",
}


def _plain_expectation(error: ErrorDetails, *, hidden: bool = False) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in _ARTICLES:
        return _ARTICLES[kind]
    if kind in ("literal_error", "enum") and not hidden:
        wanted = str(context["expected"])
        near = closest(str(error["input"]), re.findall(r"'([^']*)'", wanted))
        return f"{wanted} (perhaps '{near}')" if near else wanted
    if kind in _TEMPLATES:
        return _TEMPLATES[kind].format(**context)
    if hidden and any(text in error["msg"] for text in _scalars(error["input"])):
        return "a valid value"
    if kind in ("value_error", "assertion_error"):
        return str(context.get("error")) or "a valid value"
    message = error["msg"]
    return message[:1].lower() + message[1:]


def _scalars(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from _scalars(part)
    else:
        yield str(value)


# --- what the model says about a place ------------------------------------------------------


def _parts_of(annotation: object) -> Iterator[object]:
    """The annotation and everything inside it: ``list[A] | None`` gives A and None too."""
    yield annotation
    for argument in typing.get_args(annotation):
        yield from _parts_of(argument)


def _is_model(candidate: object) -> typing.TypeGuard[type[BaseModel]]:
    return isinstance(candidate, type) and issubclass(candidate, BaseModel)


def _keys_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    keys = {}
    for name, field in model.model_fields.items():
        alias = field.validation_alias if isinstance(field.validation_alias, str) else None
        keys[alias or field.alias or name] = field
    return keys


def _models_at(model: type[BaseModel] | None, loc: Location) -> list[type[BaseModel]]:
    """The models that may stand at a location; parts no model knows (list positions, keys of
    a dictionary, the tags pydantic adds for unions) are passed over."""
    models = [model] if model else []
    for part in loc:
        fields = [
            keys[part] for m in models if isinstance(part, str) and part in (keys := _keys_of(m))
        ]
        if fields:
            models = [p for f in fields for p in _parts_of(f.annotation) if _is_model(p)]
    return models


def _field_at(
    model: type[BaseModel] | None, loc: Location, *, exact: bool = False
) -> FieldInfo | None:
    """The field a location belongs to: the innermost one that the model knows, or, when
    ``exact``, only the one named by the last part."""
    for position in reversed(range(len(loc))):
        part = loc[position]
        if isinstance(part, str):
            for owner in _models_at(model, loc[:position]):
                if part in (keys := _keys_of(owner)):
                    return keys[part]
        if exact:
            return None
    return None


# --- YAML with line numbers -----------------------------------------------------------------


def load_yaml(path: Path, *, command: str = "") -> tuple[dict[str, Any], dict[str, int]]:
    """Reads one YAML file whose outermost level is a mapping: its plain data, and its lines.

    The lines are counted from 1 and keyed by dotted path; the empty path is the file's first
    key. YAML 1.2: ``09:00`` is text, ``2025-11-24`` a date, ``yes`` text. Raises
    ``ConfigurationError``, ending in the ``command`` that checks again, where the file is
    missing, unreadable, no UTF-8, no YAML, has a key twice, a tag (``!name``), a second
    document, or no mapping at its top.
    """

    def refuse(line: int | None, key: str, found: str, expected: str) -> ConfigurationError:
        where = str(path) if line is None else f"{path}:{line}"
        return ConfigurationError([Problem(where, key, found, expected)], command=command)

    try:
        tree = YAML(typ="rt").load(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise refuse(None, "", "no such file", "a YAML file there") from None
    except UnicodeDecodeError as exc:
        found = f"a byte that is no UTF-8 at position {exc.start}"
        raise refuse(None, "", found, "text in UTF-8") from None
    except OSError as exc:
        raise refuse(None, "", (exc.strerror or str(exc)).lower(), "a readable file") from None
    except DuplicateKeyError as exc:
        # The library's message quotes both values; one of them may be a password.
        name = re.search(r'duplicate key "([^"]*)"', exc.problem or "")
        key = name.group(1) if name else ""
        raise refuse(_line_of(exc), key, "the key a second time", "each key once") from None
    except MarkedYAMLError as exc:
        found = " ".join(part for part in (exc.context, exc.problem) if part)
        raise refuse(_line_of(exc), "", found, "valid YAML") from None
    except (YAMLError, ValueError) as exc:
        raise refuse(None, "", " ".join(str(exc).split()), "valid YAML") from None
    if not isinstance(tree, CommentedMap):
        found = "an empty file" if tree is None else "no keys at the top"
        raise refuse(1, "", found, "a mapping of keys at the top")
    lines = {"": int(tree.lc.line) + 1}
    try:
        return _plain(tree, (), lines), lines
    except _TagError as exc:
        line = _nearest_line(lines, exc.loc)
        raise refuse(line, dotted(exc.loc), f"the tag {exc.tag}", "a value without a tag") from None


class _TagError(Exception):
    def __init__(self, loc: Location, tag: str) -> None:
        self.loc, self.tag = loc, tag
        super().__init__(tag)


def _line_of(exc: MarkedYAMLError) -> int | None:
    mark = exc.problem_mark or exc.context_mark
    return None if mark is None else int(mark.line) + 1


def _nearest_line(lines: Mapping[str, int], loc: Location) -> int | None:
    """The line of a location, or of its nearest parent: a missing key has no line itself."""
    for end in range(len(loc), -1, -1):
        if (line := lines.get(dotted(loc[:end]))) is not None:
            return line
    return None


def _plain(node: object, loc: Location, lines: dict[str, int]) -> Any:
    """The node as Python's own types, so that no model meets the parser's classes."""
    tag = getattr(getattr(node, "tag", None), "value", None)
    if tag is not None and not str(tag).startswith("tag:yaml.org,2002:"):
        raise _TagError(loc, str(tag))
    if isinstance(node, CommentedMap):
        plain = {}
        for key, value in node.items():
            inner = (*loc, key)
            if key in node.lc.data:  # a key merged in by `<<` has no line of its own
                lines[dotted(inner)] = int(node.lc.key(key)[0]) + 1
            plain[key] = _plain(value, inner, lines)
        return plain
    if isinstance(node, CommentedSeq):
        items = []
        for position, value in enumerate(node):
            inner = (*loc, position)
            lines[dotted(inner)] = int(node.lc.item(position)[0]) + 1
            items.append(_plain(value, inner, lines))
        return items
    if isinstance(node, str):
        return str(node)
    if isinstance(node, ScalarBoolean):
        return bool(node)
    if isinstance(node, int) and not isinstance(node, bool):
        return int(node)
    return float(node) if isinstance(node, float) else node
