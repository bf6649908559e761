"""What is wrong with a page, as a real browser sees it."""

import json
from pathlib import Path

from selenium.webdriver import Chrome
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

HEIGHT = 900


class Browser:
    """Chromium without a window."""

    def __init__(self, chromium: str, chromedriver: str) -> None:
        options = Options()
        options.binary_location = chromium
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = Chrome(options=options, service=Service(chromedriver))

    def close(self) -> None:
        self.driver.quit()

    def faults(self, page: Path, width: int) -> list[str]:
        """Faults of a page on a screen so many pixels wide; none if it reads well."""
        size = {"width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        for log in ("browser", "performance"):
            self.driver.get_log(log)  # what earlier pages left
        self.driver.get(page.as_uri())
        wanted = [
            event["params"]["request"]["url"]
            for entry in self.driver.get_log("performance")
            if (event := json.loads(entry["message"])["message"])["method"] == "Network.requestWillBeSent"
        ]
        return [
            *(f"requests {url}" for url in wanted if url != page.as_uri() and not url.startswith("data:")),
            *(f"console: {entry['message']}" for entry in self.driver.get_log("browser")),
            *self.ask("[...document.images].filter(i => !i.naturalWidth).map(i => 'broken image: ' + i.alt)"),
            *self.ask("[...document.images].filter(i => !i.alt).map(i => 'image without a text in its place')"),
            *self.ask("[...document.querySelectorAll('table')].filter(t => !t.tHead).map(t => 'table without a head')"),
            *self.ask(
                "[document.documentElement].filter(e => e.scrollWidth > window.innerWidth)"
                ".map(e => `page of ${e.scrollWidth} on ${window.innerWidth} pixels`)"
            ),
        ]

    def ask(self, script: str) -> list[str]:
        return self.driver.execute_script(f"return {script}")
