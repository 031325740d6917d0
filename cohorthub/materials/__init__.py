"""Notebooks: from one text source a session to the pair of notebooks that students get.

``source`` reads a source, ``build`` makes the notebooks, ``check`` refuses a pair that gives
a solution away, ``execute`` runs built notebooks in the student environment, and ``publish``
puts what is due into the release repository.
"""
