"""A whole installation for one test: Purser, the applications, and the directory it is to hold."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from expectation import differences
from people import Directory
from processes import FOUR, FOUR_APPS, Purser, ReferenceServer, Sandbox
from scim_clients import EntraClient, EntraFlagClient, OktaClient
from waiting import wait_until

REFERENCE_APP = Path(__file__).with_name("reference_app.yaml")


class World:
    """The sandbox of the four applications, optionally the SCIM server of others, and Purser."""

    def __init__(self, folder, reference=False, log=None, arguments=()):
        folder = Path(folder)
        self.sandbox = Sandbox(folder)
        self.reference = ReferenceServer(folder) if reference else None
        self.apps = [*FOUR, *(["reference"] if reference else [])]
        environment = self.sandbox.environment()
        files = [FOUR_APPS]
        if reference:
            environment.update(self.reference.environment())
            files.append(REFERENCE_APP)
        self.purser = Purser(folder, apply=files, env=environment, log=log, arguments=arguments)
        self.directory = Directory()
        self.entra = EntraClient(self.purser.scim, self.directory)
        self.entra_flag = EntraFlagClient(self.purser.scim, self.directory)
        self.okta = OktaClient(self.purser.scim, self.directory)

    def start(self):
        self.start_apps()
        self.purser.start()
        return self

    def start_apps(self):
        self.sandbox.start()
        if self.reference:
            self.reference.start()

    def kill(self):
        for program in (self.purser, self.sandbox, self.reference):
            if program is not None:
                program.kill()

    def state(self, app):
        return self.reference.state() if app == "reference" else self.sandbox.state(app)

    def take_down(self, app):
        if app == "reference":
            self.reference.set_faults(down=True)
        else:
            self.sandbox.take_down(app)

    def bring_back(self, app):
        if app == "reference":
            self.reference.set_faults()
        else:
            self.sandbox.clear_faults(app)

    def differences(self, app):
        return differences(self.directory, app, self.state(app))

    def wait_equal(self, apps=None, timeout=60):
        """Waits until these apps, or all, hold what the directory wants."""
        open_apps = set(apps or self.apps)

        def all_equal():
            for app in sorted(open_apps):
                if self.differences(app):
                    return False
                open_apps.discard(app)
            return True

        def what():
            found = [sentence for app in sorted(open_apps) for sentence in self.differences(app)]
            return (f"{len(found)} differences in {sorted(open_apps)}: " + "; ".join(found[:12]) +
                    "\n" + self.describe())
        wait_until(all_equal, timeout, what, interval=0.2)

    def describe(self):
        """What Purser says of its apps, for a failure's text."""
        listed = self.purser.cli("app", "list")
        parked = self.purser.cli("parked", "list")
        return f"{listed.stdout}{listed.stderr}\n{parked.stdout[:2000]}\n{self.purser.tail(10)}"


def run_all(tasks, threads=16):
    """Runs callables on a pool, in order as far as it goes; raises the first failure."""
    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(task) for task in tasks]:
            future.result()
