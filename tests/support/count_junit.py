"""Counts a JUnit file: `passed failed skipped`, then a line for each test that did not pass."""

import sys
import xml.etree.ElementTree as ElementTree


def main(path):
    passed, failed, skipped, lines = 0, 0, 0, []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = ".".join(filter(None, (case.get("classname"), case.get("name"))))
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
            lines.append(f"FAILED {name}")
        elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            skipped += 1
            reason = case.find("skipped")
            lines.append(f"skipped {name}: {reason.get('message', '') if reason is not None else ''}")
        else:
            passed += 1
    print(passed, failed, skipped)
    print("\n".join(lines))


main(sys.argv[1])
