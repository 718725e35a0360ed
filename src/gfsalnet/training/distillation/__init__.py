"""A light stream that learns from people and from other networks at once: on photographs with gaze, and on clips."""
