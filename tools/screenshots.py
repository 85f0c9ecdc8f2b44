"""Takes the README's pictures from a running demo: a phone, a person's page, a bank's page."""

import base64
import hashlib
import hmac
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
LARGEST = 200_000  # bytes; readers should not wait for a picture
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def main() -> int:
    demo = json.loads((Path(os.environ.get("DEMO_DIR", ROOT / "var" / "demo")) / "demo.json").read_text())
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        _phones(browser, demo)
        _person(browser, demo)
        _bank(browser, demo)
        browser.close()
    heavy = [path.name for path in IMAGES.glob("*.png") if path.stat().st_size > LARGEST]
    for path in sorted(IMAGES.glob("*.png")):
        print(f"{path.relative_to(ROOT)}  {path.stat().st_size // 1000} kB")
    if heavy:
        print(f"Too large, over {LARGEST // 1000} kB: {', '.join(heavy)}", file=sys.stderr)
    return 1 if heavy else 0


def _phones(browser: Browser, demo: dict[str, Any]) -> None:
    with _page(browser, 1200, 760) as page:
        page.goto(demo["sandbox_url"])
        page.get_by_text(demo["partners"][0]["name"]).first.wait_for()
        page.screenshot(path=IMAGES / "phones.png")


def _person(browser: Browser, demo: dict[str, Any]) -> None:
    customer = demo["partners"][0]["customers"][0]
    with _page(browser, 900, 1000) as page:
        _sign_in(page, demo["base_url"], _person_of(demo, customer["person_email"]))
        page.goto(f"{demo['base_url']}/me/grants/{customer['grant_id']}")
        page.screenshot(path=IMAGES / "person.png")


def _bank(browser: Browser, demo: dict[str, Any]) -> None:
    partner = demo["partners"][0]
    with _page(browser, 1200, 800) as page:
        _sign_in(page, demo["base_url"], partner["members"][0])
        page.goto(f"{demo['base_url']}/partners/{partner['slug']}/deliveries")
        page.get_by_role("link", name="ntf_").first.click()
        page.get_by_role("heading", level=1).wait_for()
        page.screenshot(path=IMAGES / "delivery.png")


@contextmanager
def _page(browser: Browser, width: int, height: int) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="light", reduced_motion="reduce"
    )
    yield context.new_page()
    context.close()


def _sign_in(page: Page, base_url: str, who: dict[str, str]) -> None:
    page.goto(f"{base_url}/accounts/login/")
    page.fill("input[name=login]", who["email"])
    page.fill("input[name=password]", who["password"])
    page.locator("form:has(input[name=password]) button[type=submit]").first.click()
    if who.get("totp_secret"):
        page.fill("input[name=code]", _code(who["totp_secret"]))
        page.locator("form:has(input[name=code]) button[type=submit]").first.click()
    page.wait_for_url(lambda url: "/accounts/" not in url)


def _person_of(demo: dict[str, Any], email: str) -> dict[str, str]:
    return next(one for one in demo["people"] if one["email"] == email)


def _code(secret: str) -> str:
    """The authenticator's six digits at this moment (RFC 6238)."""
    counter = int(time.time() // 30).to_bytes(8)
    digest = hmac.digest(base64.b32decode(secret), counter, hashlib.sha1)
    place = digest[-1] & 15
    return f"{(int.from_bytes(digest[place : place + 4]) & 0x7FFFFFFF) % 1_000_000:06}"


if __name__ == "__main__":
    sys.exit(main())
