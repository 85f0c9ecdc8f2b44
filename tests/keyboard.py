"""Somebody without a mouse, on a phone: Tab leads to what they want, it shows where they are, and a key presses it."""

from typing import Any

from tests.conftest import PASSWORD

PHONE = {"width": 360, "height": 780}
_WHERE = """wanted => {
    const one = document.activeElement, box = one.getBoundingClientRect();
    const has_ring = [one, one.closest('.consent') ?? one].map(at => getComputedStyle(at))
        .some(style => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0);
    const is_on_screen = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
    return {is_there: one === wanted, is_shown: one === document.body || has_ring && is_on_screen,
            name: one.labels?.[0]?.innerText ?? one.innerText ?? ''};
}"""


def reach(tab: Any, control: Any) -> None:
    """By Tab alone. Fails when that does not lead to it, or nothing shows what is in focus on the way."""
    at = control.evaluate(_WHERE)
    for _ in range(80):
        if at["is_there"]:
            return
        tab.keyboard.press("Tab")
        at = control.evaluate(_WHERE)
        assert at["is_shown"], f"nothing shows that “{at['name'][:60]}” is in focus on {tab.url}"
    raise AssertionError(f"Tab does not lead to {control} on {tab.url}")


def press(tab: Any, control: Any, key: str = "Enter") -> None:
    """What stays on the page."""
    reach(tab, control)
    tab.keyboard.press(key)


def press_named(tab: Any, name: str, key: str = "Enter", role: str = "button") -> None:
    """What is called so; with Enter it leads to another page."""
    to = tab.get_by_role(role, name=name, exact=True).first
    go(tab, to) if key == "Enter" else press(tab, to, key)


def press_next(tab: Any, name: str, key: str = "Enter") -> None:
    """The next control that is called so, whatever it is and wherever it leads."""
    for _ in range(80):
        tab.keyboard.press("Tab")
        at = tab.evaluate(_WHERE, None)
        assert at["is_shown"], f"nothing shows that “{at['name'][:60]}” is in focus on {tab.url}"
        if " ".join(at["name"].split()) == name:
            return tab.keyboard.press(key)
    raise AssertionError(f"Tab does not lead to “{name}” on {tab.url}")


def go(tab: Any, control: Any) -> None:
    """A link or a button that leads to another page."""
    reach(tab, control)
    with tab.expect_navigation():
        tab.keyboard.press("Enter")


def write(tab: Any, control: Any, text: str) -> None:
    """In place of what stood there."""
    reach(tab, control)
    tab.keyboard.press("Control+A")
    tab.keyboard.type(text)


def sign_in(tab: Any, email: str, password: str = PASSWORD) -> None:
    """On the page that asks for it."""
    write(tab, tab.get_by_label("E-mail", exact=False), email)
    write(tab, tab.get_by_label("Password", exact=True), password)
    with tab.expect_navigation():
        tab.keyboard.press("Enter")
