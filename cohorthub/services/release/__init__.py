"""Serves the release repository to students' servers: git's smart HTTP, read only.

``python -m cohorthub.services.release`` runs it as a service of the hub. ``configuration`` says
what it reads from its environment, ``access`` who may read, ``backend`` runs git, ``application``
speaks HTTP, ``serving`` listens and stops. ``git_environment`` is the other side: what a student's
server must know for its git to find and enter the service.
"""
