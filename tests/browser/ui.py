"""Prefect's UI as a person uses it: what is seen, filled in and clicked."""

import re
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as TooLate

SOON = 30_000
"""Milliseconds that a page may take on a machine that is busy."""


class Ui:
    """The UI at an address in one tab of a browser. In Prefect's old UI `open_form` works too, the rest in the new."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        page.set_default_timeout(SOON)
        expect.set_options(timeout=SOON)

    def open_form(self, deployment: str) -> None:
        """From the list of deployments to the form for a run, by clicks."""
        self.page.goto(f"{self.address}/deployments")
        self.page.locator(f"a[href*='{deployment}']").first.click()
        self.page.get_by_role("button", name="Run", exact=True).click()
        self.page.get_by_text("Custom run").click()
        expect(self.field("Model")).to_be_visible()

    def open_edit(self, deployment: str) -> None:
        """The form of what is saved with a deployment."""
        self.page.goto(f"{self.address}/deployments/deployment/{deployment}/edit")
        expect(self.field("Budget (minutes)")).to_be_visible()
        self.page.wait_for_load_state("networkidle")  # what arrives later would replace what is filled in

    def edit_as_json(self, parameters: str) -> None:
        """In the old UI, where a deployment is edited: show the parameters as JSON, and write these in their place."""
        heading = "xpath=//h3[normalize-space()='Parameters']"
        self.page.locator(f"{heading}/following::button[1]").click()
        self.page.get_by_text("Use JSON input").click()
        expect(self.label("Budget (minutes)")).to_have_count(0)
        self.page.locator(f"{heading}/following::textarea[1]").fill(parameters)

    def save(self) -> None:
        """Save what was edited."""
        button = self.page.get_by_role("button", name=re.compile("^(Save|Update)$"))
        self._send(button, re.compile(r"/deployments/deployment/[^/]+$"))

    def label(self, name: str) -> Locator:
        """The label of a field."""
        return self.page.locator(f"xpath=(//*[starts-with(normalize-space(text()), '{name}')])[1]")

    def field(self, name: str) -> Locator:
        """What is filled in under a label."""
        return self.label(name).locator("xpath=following::*[self::input or self::textarea][1]")

    def choose(self, name: str, choice: str) -> None:
        """Choose from a drop-down."""
        box = self.label(name).locator("xpath=following::fieldset[1]//button[1]")
        box.click()
        self.page.get_by_role("option", name=choice).click()
        expect(box).to_have_text(choice)

    def refused(self, name: str) -> str:
        """Submit the form, which is not taken; gives what is said of a field."""
        self._submit.click()
        field = self.field(name)
        if said := field.evaluate("field => field.validationMessage"):
            return str(said)
        words = self.page.get_by_text(re.compile("Validation failed")).first
        expect(words).to_be_visible()
        return words.inner_text()

    def submit(self) -> None:
        """Submit the form."""
        self._send(self._submit, re.compile("tab=Runs"))

    def _send(self, button: Locator, then: re.Pattern[str]) -> None:
        """Click on what leads to another page, again where the server was too busy to take the form."""
        for _ in range(5):
            button.click()
            try:
                self.page.wait_for_url(then, timeout=6_000)
                return
            except TooLate:
                continue
        raise AssertionError(f"the form was not taken: {self.page.inner_text('body')}")

    @property
    def _submit(self) -> Locator:
        return self.page.get_by_role("button", name="Submit")

    def open_run(self, run: str) -> None:
        """The page of a run."""
        self.page.goto(f"{self.address}/runs/flow-run/{run}")

    def follow_run(self, name: str) -> None:
        """From a list of runs to one of them."""
        self.page.locator("a[href*='/flow-run/']", has_text=name).first.click()
        self.page.wait_for_url("**/flow-run/**")
        expect(self.page.get_by_text("Task Runs", exact=True).first).to_be_visible()  # the list is gone

    def ending(self) -> str:
        """How the run of this page has ended."""
        ended = self.page.get_by_text(re.compile("^(Completed|Partial|Failed|Crashed|Cancelled)$")).first
        expect(ended).to_be_visible()
        return ended.inner_text()

    def tab(self, name: str) -> None:
        """Open one of the tabs of a run's page."""
        self.page.get_by_text(name, exact=True).first.click()

    def retry(self) -> None:
        """Click on Retry, and say that it is meant."""
        self.page.get_by_role("button", name="Open menu").first.click()
        self.page.get_by_role("menuitem", name="Retry").click()
        dialog = self.page.locator("[role=dialog], [role=alertdialog]")
        dialog.get_by_role("button", name="Retry").click()
        expect(dialog).to_have_count(0)

    def open_artifact(self, key: str) -> None:
        """From the page of a run to its newest artifact of a key."""
        self.tab("Artifacts")
        cards = self.page.locator("a[href*='/artifacts/artifact/']").filter(has=self.page.get_by_text(key, exact=True))
        expect(cards.first).to_be_visible()
        # In no order, and with minutes alone; what they say ends with the run in the store, which sorts by time.
        described = [text.split()[-1] for text in cards.all_inner_texts()]
        cards.nth(described.index(max(described))).click()
        self.page.wait_for_url("**/artifacts/artifact/**")

    def pictures(self) -> list[dict[str, Any]]:
        """The pictures on a page: their natural and shown widths; 0 for a broken one."""
        # in one evaluation: Prefect's page may render again between two
        script = """() => {
            const all = [...document.images];
            return all.length > 0 && all.every(one => one.complete) &&
                all.map(one => ({natural: one.naturalWidth, shown: one.clientWidth, source: one.src}));
        }"""
        return list(self.page.wait_for_function(script).json_value())

    def links_to(self, address: str) -> list[str]:
        """Where links on a page lead, of those to a server; there is one at least."""
        script = """server => {
            const all = [...document.links].filter(one => one.host === server).map(one => one.href);
            return all.length > 0 && all;
        }"""
        return list(self.page.wait_for_function(script, arg=urlsplit(address).netloc).json_value())
