"""The menus of a bank's members and of platform staff: a line for each page, under its heading."""

from typing import NamedTuple

from django.urls import reverse


class Entry(NamedTuple):
    """A page by its route's name."""

    name: str
    route: str


class Group(NamedTuple):
    """Entries under a heading."""

    heading: str
    entries: list[Entry]


class Link(NamedTuple):
    """An entry as the menu shows it."""

    name: str
    url: str
    is_current: bool


MEMBER = [
    Group("Build", [Entry("Webhooks", "member-webhooks")]),
    Group("Run", [Entry("Deliveries", "member-deliveries")]),
]
STAFF: list[Group] = []


def menu(groups: list[Group], path: str, **arguments: str) -> list[tuple[str, list[Link]]]:
    """The groups with their links; `path` is the page that is open, below which a link counts as current too."""
    shown = []
    for group in groups:
        urls = [(entry.name, reverse(entry.route, kwargs=arguments)) for entry in group.entries]
        links = [Link(name, url, path == url or path.startswith(f"{url.rstrip('/')}/")) for name, url in urls]
        shown.append((group.heading, links))
    return shown
