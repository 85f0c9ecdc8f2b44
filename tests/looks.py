"""How a page has to look: no wider than the window, no table wider than its place, and without a fault that axe finds (WCAG 2.2 AA)."""

import os
import re
from typing import Any

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# Each width and each theme once: neither changes what the other may break
LOOKS = ((360, "dark"), (1280, "light"))
_TOO_WIDE = """() => [
    ...(document.documentElement.scrollWidth <= innerWidth ? [] : document.body.querySelectorAll('*')),
    ...document.querySelectorAll('table')
].filter(one => one.getBoundingClientRect().right > Math.min(innerWidth, one.tagName === 'TABLE'
    ? one.parentElement.getBoundingClientRect().right : innerWidth) + 0.5).map(one => one.outerHTML.slice(0, 200))"""
# Only axe’s rule about locked orientation reads the stylesheets, which it would fetch each time
_FIND = """rules => axe.run({runOnly: {type: 'tag', values: rules}, resultTypes: ['violations'], preload: false})
    .then(found => found.violations.map(one => [one.id, one.nodes.map(node => node.target.join(' '))]))"""


def follow(tab: Any, to: Any) -> None:
    """Presses a link or a button, and waits for the page that it leads to."""
    with tab.expect_navigation():
        to.click()


def looks_right(tab: Any, *, rules: list[str] = WCAG, looks: tuple[tuple[int, str], ...] = LOOKS) -> None:
    """Checks the page that is open on a phone and on a desk, in dark and in light; it is as wide as before then.
    With SCREENSHOTS set to a folder, the page is kept there as well.
    """
    from axe_playwright_python.base import AXE_SCRIPT

    before = tab.viewport_size
    for width, scheme in looks:
        tab.set_viewport_size({"width": width, "height": 800})
        tab.emulate_media(color_scheme=scheme)
        assert (wide := tab.evaluate(_TOO_WIDE)) == [], (tab.url, width, wide)
        if not tab.evaluate("'axe' in window"):
            tab.evaluate(AXE_SCRIPT)
        assert (found := tab.evaluate(_FIND, rules)) == [], (tab.url, width, scheme, found)
        if folder := os.environ.get("SCREENSHOTS"):
            name = re.sub(r"\W+", "-", tab.url.split("//")[-1].partition("/")[2])[-70:]
            tab.screenshot(path=f"{folder}/{name}-{width}-{scheme}.png", full_page=True)
    if tab.viewport_size["width"] != before["width"]:
        tab.set_viewport_size(before)


def tells(tab: Any, heading: str, *steps: str, words: str = "") -> None:
    """The page that is open says what happened in `words`, and has just these buttons to go on with, quiet ways out
    aside; on a phone, in dark.
    """
    from playwright.sync_api import expect

    main = tab.get_by_role("main")
    expect(tab.get_by_role("heading", level=1)).to_have_text(heading)
    expect(main).to_contain_text(words)
    buttons = main.locator("a.button, button.button").and_(tab.locator(":not(.quiet)"))
    assert [" ".join(text.split()) for text in buttons.all_inner_texts()] == [*steps], tab.url
    looks_right(tab, looks=LOOKS[:1])
