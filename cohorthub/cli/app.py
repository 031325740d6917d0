"""The commands, grouped as ``cohorthub --help`` shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cohorthub.cli import console, project_root
from cohorthub.course import Course, CourseError, load_course
from cohorthub.settings import Settings, load_settings, reference

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The hub of a GPU course: run it, look into it, release its materials.",
)
image_app = typer.Typer(no_args_is_help=True, help="The students' image.")
materials_app = typer.Typer(no_args_is_help=True, help="Notebooks: build and release them.")
network_app = typer.Typer(no_args_is_help=True, help="The students' network.")
course_app = typer.Typer(no_args_is_help=True, help="The course's facts.")
app.add_typer(image_app, name="image")
app.add_typer(materials_app, name="materials")
app.add_typer(network_app, name="network")
app.add_typer(course_app, name="course")


def _settings() -> Settings:
    return load_settings(root=project_root())


def _course(settings: Settings) -> Course:
    return load_course(settings.course_file)


@app.command()
def run() -> None:
    """Start the whole hub on this machine, until Ctrl-C."""
    from cohorthub.hub.tryout import TryOut

    raise typer.Exit(TryOut(_settings(), project_root(), console).run())


@app.command()
def backend() -> None:
    """Print how servers would run here: local or docker."""
    from cohorthub.hub.backend import choose_kind

    print(choose_kind(_settings()))


@app.command()
def settings(
    explain: Annotated[bool, typer.Option("--explain", help="Print the whole reference.")] = False,
) -> None:
    """Check the settings; with --explain, print what each one means."""
    if explain:
        table = Table("Setting", "Meaning", "Default", show_lines=False, pad_edge=False)
        for key, _variable, kind, default, description in reference():
            table.add_row(f"[bold]{key}[/bold]\n{kind}", description, default)
        console.print(table)
        console.print(
            "A setting stands in hub.yml, or in the environment as COHORTHUB_ and its key in "
            "capitals, with two underscores for each dot: COHORTHUB_DOCKER__PREFIX."
        )
    _settings()
    if not explain:
        console.print("The settings are valid.")


@app.command()
def links(
    session: Annotated[str, typer.Argument(help="A session, such as day01-morning.")] = "",
    path: Annotated[
        str, typer.Option(help="Any path in the release repository, or an old path of a notebook.")
    ] = "",
) -> None:
    """Print the links that open notebooks in the hub."""
    from cohorthub.course.links import path_link, resolve_former_path, session_link

    chosen = _settings()
    course = _course(chosen)
    if path:
        try:
            found, variant = resolve_former_path(course, path)
        except CourseError:
            print(path_link(course, path, chosen.address))
        else:
            print(session_link(course, found, variant, chosen.address))
        return
    for item in [course.session(session)] if session else course.sessions:
        for variant in item.files:
            url = session_link(course, item, variant, chosen.address)
            console.print(f"[bold]{item.slug} {variant}[/bold]")
            print(url)


@app.command()
def docs(
    check: Annotated[bool, typer.Option("--check", help="Only say what is out of date.")] = False,
) -> None:
    """Write the generated parts of README.md and docs/."""
    from cohorthub.cli.documents import stale_documents, write_documents

    root, chosen = project_root(), _settings()
    if check:
        stale = stale_documents(root, chosen)
        for name in stale:
            console.print(f"{name} is out of date. Run: make docs")
        raise typer.Exit(1 if stale else 0)
    for name in write_documents(root, chosen):
        console.print(f"wrote {name}")


@course_app.command("check")
def course_check() -> None:
    """Check materials/course.yml."""
    chosen = _settings()
    course = _course(chosen)
    sessions = list(course.sessions)
    console.print(
        f"{chosen.course_file}: {len(course.days)} days, {len(sessions)} sessions: valid."
    )


@image_app.command("build")
def image_build(name: Annotated[str, typer.Argument()] = "course") -> None:
    """Build an image from images/NAME, or find it built; print its id."""
    from cohorthub.hub.backend import make_course_image

    def say(line: str) -> None:
        console.print(line, markup=False, soft_wrap=True)

    print(make_course_image(_settings(), project_root(), say, name))


@image_app.command("find")
def image_find(name: Annotated[str, typer.Argument()] = "course") -> None:
    """Print the id of the image that was built from this checkout."""
    from cohorthub.hub.backend import find_course_image

    found = find_course_image(_settings(), project_root(), name)
    if found is None:
        console.print(f"No image {name} was built from this checkout. Run: make image")
        raise typer.Exit(1)
    print(found)


@network_app.command("guard")
def network_guard() -> None:
    """Close this machine's own ports to students' servers (needs root)."""
    from cohorthub.spawning.engine import Engine
    from cohorthub.spawning.network import close_host, ensure_network

    chosen = _settings()
    network = ensure_network(Engine(), chosen.docker.prefix, internet=chosen.docker.internet)
    closed = close_host(network, [chosen.hub_port, chosen.release_port])
    console.print("closed" if closed else "not closed: see the warning above")
    raise typer.Exit(0 if closed else 1)


@materials_app.command("build")
def materials_build(
    out: Annotated[Path, typer.Option(help="Where to put them.")] = Path("build/notebooks"),
) -> None:
    """Build every session's notebooks from their sources."""
    from cohorthub.hub.releases import has_source
    from cohorthub.materials.build import build_all

    chosen = _settings()
    course = _course(chosen)
    table = Table("Session", "Variant", "Cells", "File")
    for built in build_all(course, chosen.materials_dir, project_root() / out):
        table.add_row(built.session, built.variant, str(built.cells), str(built.path))
    console.print(table)
    missing = [item.slug for item in course.sessions if item.files and not has_source(chosen, item)]
    if missing:
        console.print(f"Not written yet: {', '.join(missing)}")


@materials_app.command("publish")
def materials_publish(
    due: Annotated[bool, typer.Option("--due", help="Publish what course.yml says is due.")] = True,
    at: Annotated[
        str, typer.Option(help="Pretend that it is this moment: 2025-11-24T09:00+00:00.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be out.")] = False,
) -> None:
    """Append what is due to the release repository."""
    from cohorthub.course.schedule import released
    from cohorthub.hub.releases import has_source, publish

    chosen = _settings()
    course = _course(chosen)
    moment = datetime.fromisoformat(at) if at else datetime.now(UTC)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=course.timezone)
    if dry_run or not due:
        for item in released(course, moment):
            state = "out" if has_source(chosen, item) else "due, but not written yet"
            console.print(f"{item.slug}: {state}")
        return
    if moment > datetime.now(UTC):
        raise typer.BadParameter("a moment in the future can only be looked at: add --dry-run")
    report = publish(chosen, course, moment, amend=False)
    console.print(report.summary)
    # A timer must notice a session that is due and could not be built.
    raise typer.Exit(1 if report.failed else 0)
