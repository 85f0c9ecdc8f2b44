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
    Group("", [Entry("Home", "member-home")]),
    Group("Set up", [Entry("Verification", "member-verification"), Entry("Agreement", "member-agreement")]),
    Group(
        "Build",
        [
            Entry("Clients", "member-clients"),
            Entry("Templates", "member-templates"),
            Entry("Senders", "member-senders"),
            Entry("Customer sign-in", "member-customer-sign-in"),
            Entry("Webhooks", "member-webhooks"),
            Entry("Go live", "member-production"),
        ],
    ),
    Group("Run", [Entry("Deliveries", "member-deliveries")]),
    Group(
        "Govern",
        [
            Entry("Team", "member-team"),
            Entry("Single sign-on", "member-sign-on"),
            Entry("Leaving", "member-leaving"),
        ],
    ),
]
STAFF = [
    Group("Review", [Entry("Banks to verify", "staff-reviews"), Entry("Templates", "staff-templates")]),
    Group(
        "Banks",
        [
            Entry("Banks", "staff-partners"),
            Entry("Invitations", "staff-invitations"),
            Entry("Stops", "staff-stops"),
        ],
    ),
    Group(
        "Agreements",
        [Entry("Agreements", "staff-agreements"), Entry("Agreement templates", "staff-agreement-templates")],
    ),
    Group("People", [Entry("Complaints", "staff-complaints")]),
]


def menu(groups: list[Group], path: str, **arguments: str) -> list[tuple[str, list[Link]]]:
    """The groups with their links. Of those at or above `path`, the page that is open, the nearest is current."""
    urls = [[reverse(entry.route, kwargs=arguments) for entry in group.entries] for group in groups]
    above = [url for found in urls for url in found if f"{path}/".startswith(f"{url.rstrip('/')}/")]
    current = max(above, key=len, default="")
    return [
        (
            group.heading,
            [Link(entry.name, url, url == current) for entry, url in zip(group.entries, found, strict=True)],
        )
        for group, found in zip(groups, urls, strict=True)
    ]
