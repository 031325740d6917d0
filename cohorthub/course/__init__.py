"""The course's facts: ``course.yml`` read, checked, scheduled, linked and put in a calendar.

Imports neither Docker nor JupyterHub.
"""

from cohorthub.course.facts import Kind, Part, Variant
from cohorthub.course.loading import load_course
from cohorthub.course.model import Course, CourseError, Coursework, Day, Session

__all__ = [
    "Course",
    "CourseError",
    "Coursework",
    "Day",
    "Kind",
    "Part",
    "Session",
    "Variant",
    "load_course",
]
