"""One user read by id, userName and externalId, beside a server that answers a stored body."""

import json
import random
import statistics
import subprocess
import urllib.parse

from rig import TOKEN, Process, free_port, report, request, wait_until

ASKED = 20_000  # users, or all where there are fewer


def reads(bench, engine, sizes, rounds=3):
    """For a directory of each size; and what a read of the largest costs beside the smallest."""
    micros = {}
    for users in sizes:
        with bench.purser(engine) as purser:
            bench.load(purser.port, users)
            for row, paths in rows(purser.port, users).items():
                micros[row, users] = measure(bench, engine, users, purser, row, paths, rounds)
    for row in {row for row, _ in micros}:
        ours = [micros[row, users] for users in (sizes[0], sizes[-1])]
        report("read of more users", engine=engine, read=row, smallest=sizes[0],
               largest=sizes[-1], processor_time=round(ours[1] / ours[0], 2))


def rows(port, users):
    """The paths of each kind of read, of users picked at random."""
    picked = random.Random(4711).sample(range(1, users + 1), min(users, ASKED))
    return {
        "GET by id": [f"/scim/v2/Users/{one}" for one in ids(port, users)],
        "filter userName": [filtered("userName", f"load.{n:09d}@bench.example") for n in picked],
        "filter externalId": [filtered("externalId", f"ext-{n:09d}") for n in picked],
    }


def filtered(attribute, value):
    return "/scim/v2/Users?filter=" + urllib.parse.quote(f'{attribute} eq "{value}"')


def ids(port, users):
    """Of pages all over the directory, in no order."""
    found, step = [], max(1000, users // (ASKED // 1000))
    for start in range(1, users + 1, step):
        answer = request(port, "GET",
                         f"/scim/v2/Users?attributes=id&count=1000&startIndex={start}")[1]
        found += [one["id"] for one in json.loads(answer)["Resources"]]
    random.Random(4711).shuffle(found)
    return found


def measure(bench, engine, users, purser, row, paths, rounds):
    """In turn with the bare server; microseconds of processor time that a read of ours takes."""
    folder = bench.fresh()
    (folder / "paths").write_text("\n".join(paths))
    status, answer = request(purser.port, "GET", paths[0])
    if status != 200:
        raise SystemExit(f"{paths[0]}: {status}")
    (folder / "answer").write_bytes(answer)
    port = free_port()
    rates, costs = ([], []), ([], [])
    with Process([bench.build / "tests/bench/peers/bare_answers", f"127.0.0.1:{port}",
                  folder / "answer"]) as bare:
        bare.port = port
        wait_until(lambda: request(port, "GET", "/")[0] == 200)
        for turn in range(rounds + 1):
            for n, server in enumerate((bare, purser)):
                rate, cost = ask(bench, server, folder / "paths")
                if turn > 0:  # The first one warms up.
                    rates[n].append(rate)
                    costs[n].append(cost)
    rate, cost = [[statistics.median(one) for one in both] for both in (rates, costs)]
    report("read", engine=engine, users=users, read=row, bare_per_second=round(rate[0]),
           per_second=round(rate[1]), share_of_bare=round(rate[1] / rate[0], 2),
           bare_micros=round(cost[0], 1), micros=round(cost[1], 1),
           share_by_processor_time=round(cost[0] / cost[1], 2))
    return cost[1]


def ask(bench, server, paths, seconds=3):
    """Reads a second over 64 connections; microseconds of the server's processor time a read."""
    before = server.cpu_seconds()
    done = subprocess.run(
        [bench.build / "tests/bench/http/load", "--port", str(server.port), "--token", TOKEN,
         "-c", "64", "-n", str(10**8), "--seconds", str(seconds), "--paths-file", paths],
        check=True, capture_output=True, text=True)
    result = json.loads(done.stdout)
    if set(result["statuses"]) != {"200"}:
        raise SystemExit(f"answered otherwise: {result['statuses']}")
    cost = (server.cpu_seconds() - before) * 1e6 / result["requests"]
    return result["requests"] / result["seconds"], cost
