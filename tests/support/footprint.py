"""What a running process takes of its machine, sampled: memory, descriptors, threads, files."""

import os
import re
import statistics
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Sample:
    at: float         # monotonic, seconds
    memory: int       # KiB of anonymous pages that are resident: the heap, without files' pages
    descriptors: int
    threads: int


def sample(pid):
    status = Path(f"/proc/{pid}/status").read_text()

    def number(name):
        return int(re.search(rf"^{name}:\s+(\d+)", status, re.MULTILINE).group(1))
    return Sample(time.monotonic(), number("RssAnon"), len(os.listdir(f"/proc/{pid}/fd")),
                  number("Threads"))


def processor_time(pid):
    """Seconds of all its threads since it was started, to the hundredth."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def growth_an_hour(samples, what):
    """How much `what` grows in an hour, of what it is at the median: 0.01 is 1 %.

    Of the least of each minute, as what is let go is given back some seconds later, and by the
    median of the slopes between all pairs of these (Theil and Sen), which a few that stand out do
    not move. Of one minute or less it is not known: 0.
    """
    least = {}
    for one in samples:
        minute = int((one.at - samples[0].at) // 60)
        point = (getattr(one, what), one.at)
        least[minute] = min(least.get(minute, point), point)
    points = list(least.values())
    slopes = [(b - a) / (t - s) for n, (a, s) in enumerate(points) for b, t in points[n + 1:]]
    if not slopes:
        return 0.0
    return statistics.median(slopes) * 3600 / statistics.median(value for value, _ in points)


def file_sizes(folder):
    """{"read/app-0192....db": bytes} of every file below."""
    return {str(path.relative_to(folder)): path.stat().st_size
            for path in sorted(Path(folder).rglob("*")) if path.is_file()}


# Bytes of a write-ahead log: it is moved into its file every 16 MiB, where no reader is in the way.
JOURNAL_AT_MOST = 64 << 20


def assert_journals_small(folder):
    journals = {name: size for name, size in file_sizes(folder).items() if name.endswith("-wal")}
    assert journals and max(journals.values()) <= JOURNAL_AT_MOST, journals
