"""What identity providers send, to the real program on both engines."""

import conversations
import pytest
from processes import DEV_TOKEN, Purser


def told(verdicts):
    return [f"{one.conversation}: {one.shows}: {one.problem}"
            for one in verdicts if one.problem is not None]


@pytest.mark.parametrize("again", [False, True], ids=["to an empty directory", "and once more"])
def test_every_step_is_answered_as_its_provider_expects(start, tmp_path, log_address, again):
    purser = start(Purser(tmp_path / "purser", log=log_address))
    if again:
        conversations.run(purser.scim_base, DEV_TOKEN)
    verdicts = conversations.run(purser.scim_base, DEV_TOKEN)
    assert told(verdicts) == []
    assert {one.conversation for one in verdicts} == set(conversations.CONVERSATIONS)


def test_a_server_that_drops_what_it_is_sent_is_found_out(start, tmp_path):
    """A wrong token: no step may pass."""
    purser = start(Purser(tmp_path / "purser"))
    assert all(one.problem for one in conversations.run(purser.scim_base, "wrong"))
