"""What ``jupyterhub_config.py`` is assembled from: one ``configure_<topic>`` each.

Every function takes JupyterHub's configuration object and the settings, and sets only its own
topic, so that each is tested on a bare :class:`traitlets.config.Config`.
"""
