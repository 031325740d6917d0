"""How a student's server comes to be: images, spawners, limits, isolation, pacing."""
