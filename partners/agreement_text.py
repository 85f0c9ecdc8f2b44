"""The agreement's text, made from its terms; each clause is numbered, so that a refusal can name it."""

import re
from collections.abc import Mapping
from datetime import date

from partners.models import AgreementVersion, Partner

# Each term and the clause it stands in.
CLAUSES = {
    "clusters": "2.1",
    "channels": "2.2",
    "countries": "2.3",
    "retention_days": "3.1",
    "longest_grant_days": "3.2",
    "monthly_volume_cap": "4.1",
    "notice_days": "5.1",
    "starts_on": "5.2",
    "ends_on": "5.3",
}
# The wording a template begins with: clauses by number, terms in braces.
WORDING = {
    "1.1": "The bank pushes messages that a person has asked for. The platform reads nothing from the bank.",
    "1.2": "No message advertises anything.",
    "2.1": "Data covered: {clusters}.",
    "2.2": "Channels: {channels}.",
    "2.3": "Countries: {countries}.",
    "3.1": "Message data is kept for {retention_days} days, then destroyed.",
    "3.2": "A person's consent lasts at most {longest_grant_days} days.",
    "4.1": "At most {monthly_volume_cap} messages a calendar month (UTC).",
    "5.1": "Either side may end this with {notice_days} days' notice. The bank may withdraw at any time.",
    "5.2": "It is in force from {starts_on}.",
    "5.3": "It lasts {ends_on}.",
}
CHAPTERS = {"1": "Purpose", "2": "What is covered", "3": "Data and consent", "4": "Volume", "5": "Time"}
_CLAUSE = re.compile(r"(\d+\.\d+) (.+)")
_PLACE = re.compile(r"\{(\w*)\}")


def render_agreement(
    partner: Partner, number: str, version: AgreementVersion, wording: Mapping[str, str] = WORDING
) -> str:
    """Plain text, the same for the same terms and wording; a clause is one line."""
    values = _values(version)
    lines = [f"Data-sharing agreement {number}, version {version.number}, with {partner.name}", ""]
    for clause in sorted(wording, key=clause_order):
        text = _PLACE.sub(lambda place: values[place[1]], wording[clause])
        lines.append(f"{clause} {' '.join(text.split())}")
    return "\n".join(lines) + "\n"


def clauses_of(text: str) -> dict[str, str]:
    """The clauses of a rendered text by their numbers, in order."""
    found = (_CLAUSE.fullmatch(line) for line in text.splitlines())
    return {match[1]: match[2] for match in found if match}


def clause_order(number: str) -> tuple[int, ...]:
    """Sorts "2.10" behind "2.9"."""
    return tuple(int(part) for part in number.split("."))


def find_wording_errors(wording: Mapping[str, str]) -> list[str]:
    """Why this wording cannot be used: every term has to stand in its own clause, and nothing else in braces."""
    errors = []
    for clause, text in wording.items():
        unknown = {name for name in _PLACE.findall(text) if CLAUSES.get(name) != clause}
        errors += [f"Clause {clause} cannot hold {{{name}}}." for name in sorted(unknown)]
    for term, clause in CLAUSES.items():
        if f"{{{term}}}" not in wording.get(clause, ""):
            errors.append(f"Clause {clause} has to hold {{{term}}}.")
    return errors


def _values(version: AgreementVersion) -> dict[str, str]:
    return {
        "clusters": ", ".join(sorted(version.clusters)),
        "channels": ", ".join(sorted(version.channels)),
        "countries": ", ".join(sorted(version.countries)),
        "retention_days": str(version.retention_days),
        "longest_grant_days": str(version.longest_grant_days),
        "monthly_volume_cap": f"{version.monthly_volume_cap:,}",
        "notice_days": str(version.notice_days),
        "starts_on": _day(version.starts_on) if version.starts_on else "the day on which both have signed",
        "ends_on": f"until {_day(version.ends_on)}, the last day"
        if version.ends_on
        else "until a side ends it",
    }


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y} (UTC)"
