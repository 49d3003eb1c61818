"""What goes wrong at the applications while the tests run: seldom enough to finish, often enough to
meet each kind many times in a thousand users."""


def sandbox_faults(slow=0.1):
    """Rules for /_sandbox/<app>/faults: every kind that must end right by itself."""
    return [
        {"fault": {"kind": "slow", "delay_ms": 30}, "probability": slow, "seed": 101},
        {"fault": {"kind": "throttle", "retry_after": "1"}, "probability": 0.004, "seed": 102},
        {"fault": {"kind": "throttle"}, "probability": 0.002, "seed": 103},
        {"fault": {"kind": "status", "status": 503}, "probability": 0.01, "seed": 104},
        {"fault": {"kind": "status", "status": 500}, "probability": 0.01, "seed": 105},
        {"fault": {"kind": "commit_then_drop"}, "probability": 0.01, "seed": 106},
        {"fault": {"kind": "commit_then_status", "status": 500}, "probability": 0.005,
         "seed": 107},
        {"fault": {"kind": "drop_before"}, "probability": 0.01, "seed": 108},
        {"fault": {"kind": "bad_json"}, "probability": 0.005, "seed": 109},
        {"fault": {"kind": "html"}, "probability": 0.005, "seed": 110},
        {"fault": {"kind": "redirect"}, "probability": 0.003, "seed": 111},
        {"match": {"operation": "FindUsers"}, "fault": {"kind": "ignore_filter"},
         "probability": 0.01, "seed": 112},
    ]


# For tests/support/reference_scim_server.py.
REFERENCE_FAULTS = {"unavailable": 0.01, "throttle": 0.003, "lose_reply": 0.01, "seed": 113}
