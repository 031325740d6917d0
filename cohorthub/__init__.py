"""A self-hosted JupyterHub for a GPU course: links, leases, releases and coursework."""

__version__ = "0.1.0"
