"""The generated parts of the documentation: the README's timetable, the settings' reference."""

from __future__ import annotations

from pathlib import Path

from cohorthub.course import load_course
from cohorthub.course.links import readme_table, replace_table
from cohorthub.hub.releases import has_source
from cohorthub.settings import ENV_PREFIX, Settings, reference


def documents(root: Path, settings: Settings) -> dict[str, str]:
    """Return the text that each generated document should have, by its path.

    The links in them are for the address of a hub with default settings, whatever this one's are:
    the README is the same for everybody.
    """
    course = load_course(settings.course_file)
    address = str(Settings.model_fields["address"].default)
    table = readme_table(course, address, available=lambda session: has_source(settings, session))
    readme = (root / "README.md").read_text(encoding="utf-8")
    return {
        "README.md": replace_table(readme, table),
        "docs/settings.md": settings_reference(),
    }


def stale_documents(root: Path, settings: Settings) -> list[str]:
    """Return the generated documents that differ from what they should be."""
    return [
        name
        for name, text in documents(root, settings).items()
        if not (root / name).exists() or (root / name).read_text(encoding="utf-8") != text
    ]


def write_documents(root: Path, settings: Settings) -> list[str]:
    """Write the generated documents that are out of date; return their paths."""
    texts = documents(root, settings)
    stale = stale_documents(root, settings)
    for name in stale:
        (root / name).write_text(texts[name], encoding="utf-8")
    return stale


def settings_reference() -> str:
    """Return the settings' reference in Markdown."""
    lines = [
        "# Settings",
        "",
        "Written by `make docs` from the descriptions in `cohorthub/settings.py`.",
        "",
        "A setting stands in `hub.yml` beside this checkout's `Makefile`, or in the environment as "
        f"`{ENV_PREFIX}` and its key in capitals, with two underscores for each dot. The "
        "environment is the stronger. Unknown keys and bad values are refused, with the file, the "
        "key, what was found and what is expected, and nothing starts.",
        "",
        "```yaml",
        "# hub.yml",
        "address: https://hub.example.org",
        "docker:",
        "  prefix: dl2025",
        "profiles:",
        "  cpu: {title: CPU, memory: 4G, cpus: 2}",
        "```",
        "",
        "| setting | type | default | meaning |",
        "| --- | --- | --- | --- |",
    ]
    for key, _variable, kind, default, description in reference():
        shown = f"`{default}`" if default else ""
        lines.append(f"| `{key}` | {kind.replace('|', '·')} | {shown} | {description} |")
    return "\n".join(lines) + "\n"
