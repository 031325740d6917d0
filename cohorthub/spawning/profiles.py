"""Which kind of server a start asks for, checked on the server."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from jupyterhub.spawner import Spawner, SpawnException

from cohorthub.settings import Profile, size_in_bytes

#: The one option that a student may choose.
OPTION = "profile"


def chosen_profile(options: Mapping[str, Any], profiles: Mapping[str, Profile]) -> str | None:
    """Return the profile's name in ``options``, or None where none was chosen.

    ``options`` come from a form, a link (``opt-profile=``) or the API, so nothing is assumed of
    them. Raises :class:`jupyterhub.spawner.SpawnException` with a sentence for anything else than
    a known name.
    """
    strangers = sorted(set(options) - {OPTION})
    if strangers:
        raise _refused(f"The option {strangers[0]!r} does not exist.", profiles)
    value = options.get(OPTION)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None or value == []:
        return None
    if not isinstance(value, str) or value not in profiles:
        raise _refused(f"There is no kind of server called {value!r}.", profiles)
    return value


def apply_profile(spawner: Spawner, name: str, profile: Profile) -> None:
    """Set the limits of ``profile`` on a spawner before it starts."""
    spawner.log.debug("%s starts with profile %s", spawner._log_name, name)
    spawner.profile_name = name
    spawner.mem_limit = size_in_bytes(profile.memory)
    spawner.cpu_limit = profile.cpus
    spawner.pids_limit = profile.pids
    spawner.shm_bytes = size_in_bytes(profile.shm)


def options_form(profiles: Mapping[str, Profile], default: str) -> str:
    """Return the HTML of the choice between profiles; empty where there is nothing to choose."""
    if len(profiles) < 2:
        return ""
    rows = []
    for name, profile in profiles.items():
        checked = " checked" if name == default else ""
        label = html.escape(profile.title)
        limits = html.escape(f"{profile.cpus:g} cores, {profile.memory} memory")
        safe = html.escape(name, quote=True)
        rows.append(
            f'<div class="form-check"><input class="form-check-input" type="radio" '
            f'name="{OPTION}" id="profile-{safe}" value="{safe}"{checked}> '
            f'<label class="form-check-label" for="profile-{safe}">{label} '
            f'<span class="text-body-secondary">{limits}</span></label></div>'
        )
    return f"<fieldset><legend>Kind of server</legend>{''.join(rows)}</fieldset>"


def _refused(what: str, profiles: Mapping[str, Profile]) -> SpawnException:
    names = ", ".join(sorted(profiles))
    return SpawnException(
        f"{what} The kinds of server are: {names}. Go back to the hub's home page and start again.",
        reason="unknown-profile",
        status_code=400,
    )
