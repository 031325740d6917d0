"""A hub service that removes containers which belong to no active server.

A hub that was killed in the middle of a start or a stop forgets the container it was about; it
would keep its memory until its student starts again. The janitor compares what the engine runs
under this hub's label with what the hub calls active.
"""
