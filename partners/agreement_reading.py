"""What pages show about a version: its terms, its clauses with comments, how it came about, whom it touches."""

from datetime import datetime
from typing import Any, NamedTuple

from partners.actions.agreements import WORDS, terms_of
from partners.agreement_diff import compare
from partners.agreement_impact import Affected, affected_by
from partners.agreement_text import CHAPTERS, clauses_of
from partners.clusters import Cluster
from partners.models import AgreementSignature, AgreementTermination, AgreementVersion

_S = AgreementVersion.Status
SHOWN = {
    _S.OFFERED: "AGREEMENT_OFFERED",
    _S.COUNTERED: "AGREEMENT_COUNTERED",
    _S.ACCEPTED: "AGREEMENT_ACCEPTED",
    _S.AGREED: "AGREEMENT_AGREED",
    _S.FINALIZED: "AGREEMENT_IN_FORCE",
    _S.SUPERSEDED: "AGREEMENT_REPLACED",
    _S.TERMINATED: "AGREEMENT_ENDED",
    _S.DECLINED: "AGREEMENT_DECLINED",
}
ENDINGS = {
    "declined": "Declined",
    "withdrawn": "The bank withdrew",
    "notice": "The platform gave notice",
    "cause": "The platform ended it for cause",
    "term": "Its last day is over",
}


class Line(NamedTuple):
    """A clause, its chapter where that begins, and the proposer's comment."""

    number: str
    text: str
    chapter: str
    comment: str


class Moment(NamedTuple):
    """As parts/timeline shows it."""

    at: datetime
    event: str
    detail: str


def state_of(version: AgreementVersion) -> str:
    """As parts/status knows it."""
    if version.status == _S.FINALIZED and version.ends_at:
        return "AGREEMENT_ENDS"
    return SHOWN[_S(version.status)]


def lines_of(version: AgreementVersion) -> list[Line]:
    """Clause by clause."""
    found, before = [], ""
    for number, text in clauses_of(version.text).items():
        chapter = number.partition(".")[0]
        heading = CHAPTERS.get(chapter, f"Part {chapter}") if chapter != before else ""
        found.append(Line(number, text, heading, version.comments.get(number, "")))
        before = chapter
    return found


def moments_of(version: AgreementVersion, signatures: list[AgreementSignature]) -> list[Moment]:
    """What happened to it, in order."""
    proposer = "the bank" if version.is_by_bank else "the platform"
    found = [Moment(version.offered_at, "proposed", f"by {proposer}")]
    found += [Moment(one.at, "signed", f"for the {one.side} by {one.name}") for one in signatures]
    if version.in_force_from:
        found.append(Moment(version.in_force_from, "in force", ""))
    if version.ended_at:
        detail = " – ".join(filter(None, [ENDINGS.get(version.ending, ""), version.ending_reason]))
        found.append(Moment(version.ended_at, _last_word(version), detail))
    return sorted(found, key=lambda moment: moment.at)


def about(version: AgreementVersion) -> dict[str, Any]:
    """Everything on a version's page. Five queries."""
    signatures = list(version.signatures.order_by("at"))
    return {
        "version": version,
        "state": state_of(version),
        "sentence": WORDS[_S(version.status)],
        "kinds": [Cluster(name).label for name in sorted(version.clusters)],
        "terms": terms_of(version),
        "lines": lines_of(version),
        "signatures": signatures,
        "moments": moments_of(version, signatures),
        "ending": ENDINGS.get(version.ending, ""),
        "asked": asked_termination(version),
        "others": others_of(version),
        "impact": impact_of(version),
    }


def others_of(version: AgreementVersion) -> list[AgreementVersion]:
    """The bank's last other versions, which it can be compared with; the newest first."""
    rows = AgreementVersion.objects.filter(partner_id=version.partner_id).exclude(pk=version.pk)
    return list(rows.select_related("agreement").order_by("-id")[:20])


def basis_of(version: AgreementVersion) -> AgreementVersion | None:
    """What to compare it with first: the one in force, else the one before."""
    others = others_of(version)
    in_force = next((one for one in others if one.status == _S.FINALIZED), None)
    return in_force or next((one for one in others if one.id < version.id), None)


def impact_of(version: AgreementVersion) -> Affected | None:
    """Whose grants it touches, for what may still come into force; None where it can touch none any more."""
    return affected_by(version) if version.is_open else None


def asked_termination(version: AgreementVersion) -> AgreementTermination | None:
    """The one that waits for a second member of staff."""
    return version.terminations.filter(decided_at=None).first()


def comparison(before: AgreementVersion, after: AgreementVersion) -> dict[str, Any]:
    """Two versions side by side, and how many clauses differ."""
    clauses = compare(before.text, after.text)
    changed = sum(clause.change != "Same" for clause in clauses)
    return {"before": before, "after": after, "clauses": clauses, "changed": changed}


def _last_word(version: AgreementVersion) -> str:
    return {_S.DECLINED: "declined", _S.SUPERSEDED: "replaced"}.get(_S(version.status), "ended")
