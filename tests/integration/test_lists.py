"""Lists read page by page from the real process, while others write."""

import threading

import pytest

from people import Directory, make_people
from processes import Purser
from scim_clients import EntraClient, quoted
from worlds import run_all


@pytest.fixture
def filled(start, tmp_path):
    purser = start(Purser(tmp_path))
    entra = EntraClient(purser.scim, Directory())
    run_all([lambda p=p: entra.create_user(p) for p in make_people(60, managers=False)], 8)
    return purser, entra


def pages(scim, query):
    cursor = ""
    while True:
        answer = scim.get(f"/Users?{query}&cursor={cursor}")
        assert answer.status == 200, answer.text
        page = answer.json()
        yield page
        cursor = page.get("nextCursor")
        if cursor is None:
            return


QUERIES = ("count=7", "count=7&sortBy=userName&sortOrder=descending", "count=7&sortBy=emails",
           f"count=7&filter={quoted('active eq true')}&attributes=userName")


@pytest.mark.parametrize("query", QUERIES)
def test_a_cursor_series_shows_everyone_once_as_of_its_beginning(filled, query):
    purser, entra = filled
    expected = purser.scim.get(f"/Users?{query.replace('count=7', 'count=1000')}").json()
    shown, totals = [], set()
    stop = threading.Event()

    def write():
        for person in make_people(1000, prefix="later", managers=False):
            if stop.is_set():
                return
            purser.scim.delete(f"/Users/{entra.create_user(person).id}")

    writer = None
    for page in pages(purser.scim, query):
        if writer is None:
            writer = threading.Thread(target=write)
            writer.start()
            doomed = expected["Resources"][-1]["id"]
            assert purser.scim.delete(f"/Users/{doomed}").status == 204
        shown += page["Resources"]
        totals.add(page["totalResults"])
    stop.set()
    writer.join()
    assert shown == expected["Resources"]
    assert totals == {expected["totalResults"]}


def test_a_stop_with_open_series_is_clean_and_their_cursors_end_with_it(filled):
    purser, _ = filled
    first = purser.scim.get("/Users?cursor&count=10").json()
    purser.restart()  # which looks for exit status 0
    answer = purser.scim.get(f"/Users?cursor={first['nextCursor']}&count=10")
    assert (answer.status, answer.json()["scimType"]) == (400, "invalidCursor")
