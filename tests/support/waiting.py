"""Waiting for what a test is told will come: polling with a deadline, never a fixed sleep."""

import time


def wait_until(condition, timeout, what, interval=0.05):
    """Polls until `condition()` is true, and returns what it gave.

    `what` says what was awaited; a callable is asked at the deadline, for the details.
    """
    deadline = time.monotonic() + timeout
    pause = interval
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            said = what() if callable(what) else what
            raise AssertionError(f"not within {timeout} s: {said}")
        time.sleep(pause)
        pause = min(pause * 1.3, 1.0)
