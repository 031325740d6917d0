"""The composition root: reads the settings and lets one function configure each topic."""

from pathlib import Path

from cohorthub.course import load_course
from cohorthub.hub.addresses import configure_addresses, configure_proxy, configure_state
from cohorthub.hub.backend import prepare_backend
from cohorthub.hub.pages import configure_pages
from cohorthub.hub.people import configure_roles, configure_sign_in
from cohorthub.hub.services import configure_services
from cohorthub.hub.spawner import configure_spawner
from cohorthub.settings import load_settings

c = get_config()

root = Path(__file__).resolve().parent
settings = load_settings(root=root)
course = load_course(settings.course_file)
backend = prepare_backend(settings, root)

configure_state(c, settings)
configure_addresses(c, settings, backend)
configure_proxy(c, settings)
configure_sign_in(c, settings)
configure_roles(c, backend)
configure_services(c, settings, backend, course)
configure_spawner(c, settings, backend, course, root)
configure_pages(c, settings, course)
