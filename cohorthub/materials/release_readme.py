"""The README.md that students find at the top of the course folder in their home."""

from cohorthub.course import Course

README = "README.md"


def student_readme(course: Course) -> str:
    """The README's text; made of facts that are public from the first day on."""
    return f"""\
# {course.title}

This folder, `{course.slug}`, holds the notebooks of the course. New ones arrive when you click
the link of a day, as soon as they are out.

**What you change is kept.** A later click adds what is new and leaves your own edits, your own
files and your answers as they are. If a teacher mends a cell that you have changed too, yours
stays.

**To start a notebook afresh**, delete it, or rename it to keep what you did, and click its link
again: the original comes back beside it.

**Your own files** may lie anywhere in your home. Give copies of a notebook a name of their own,
such as `my-notes.ipynb`.

Please leave the hidden folder `.git` alone: with its help the links know what is new. If a link
says that something went wrong, rename this folder, for example to `{course.slug}-old`, and
click the link again: you get a fresh folder, and your work is in the old one.
"""
