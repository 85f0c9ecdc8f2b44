"""Wording is approved by staff who did not write it, one version a language at a time, and never changes."""

from collections import Counter
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from notifications.actions.templates import (
    approve_template,
    draft_template,
    edit_draft,
    reject_template,
    retire_template,
    submit_template,
    withdraw_template,
)
from notifications.models import TemplateVersion
from notifications.wording import find_wording_errors
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from tests.isolation.stage import Stage, rolled_back

from .machine import cast, tried

_S = TemplateVersion.Status
WRITERS = ["owner", "owner", "other bank's owner", "client"]
STAFF = ["reviewer", "second reviewer", "owner as staff", "owner as staff"]
WHO = [*WRITERS, *STAFF, "analyst", "other bank's client", "sandbox client"]
NAMES = st.sampled_from(
    [("balance_update", "BALANCES"), ("news", "BALANCES"), ("balance_update", "RECEIPTS")]
)
BODIES = st.sampled_from(
    [
        "You have {{ available }} now.",
        "{{ account }} has {{ available }} now.",
        "Now you have {{ available }}, as of {{ as_of }}.",
        "{{ account }}: {{ available }}.",
        "Buy {{ advert }} now.",
        "See https://x.example now.",
        "",
        "Plain words.",
    ]
)
STEPS = {
    (_S.DRAFT, _S.SUBMITTED),
    (_S.SUBMITTED, _S.APPROVED),
    (_S.SUBMITTED, _S.REJECTED),
    (_S.SUBMITTED, _S.DRAFT),
    (_S.APPROVED, _S.RETIRED),
}


EVENTS = st.one_of(
    st.tuples(st.just("draft"), st.sampled_from(WRITERS), NAMES, st.sampled_from(["en", "en", "es"]), BODIES),
    st.tuples(st.just("submit"), st.integers(0, 9), st.sampled_from(WRITERS)),
    st.tuples(st.just("approve"), st.integers(0, 9), st.sampled_from(WHO)),
    st.tuples(st.just("approve"), st.integers(0, 9), st.sampled_from(STAFF)),
    st.tuples(st.sampled_from(["withdraw", "retire", "reject"]), st.integers(0, 9), st.sampled_from(WHO)),
    st.tuples(st.just("edit"), st.integers(0, 9), st.sampled_from(WHO), BODIES),
)


class Review:
    """Both banks write, everybody tries to approve."""

    def __init__(self, stage: Stage) -> None:
        self.who = cast(stage, stage.world.bank.partner.id)
        self.staff = {one.id for one in self.who.values() if one.kind is Kind.STAFF}
        self.seen: dict[Any, tuple[str, Any]] = {}
        self.versions: list[Any] = []

    def draft(self, who: str, name: tuple[str, str], locale: str, body: str) -> None:
        wording = {"name": name[0], "cluster": name[1], "locale": locale, "body": body}
        if version := tried(draft_template, actor=self.who[who], **wording):
            self.versions.append(version.id)

    def submit(self, which: int, who: str) -> None:
        self._act(submit_template, which, who)

    def approve(self, which: int, who: str) -> None:
        self._act(approve_template, which, who)

    def withdraw(self, which: int, who: str) -> None:
        self._act(withdraw_template, which, who)

    def retire(self, which: int, who: str) -> None:
        self._act(retire_template, which, who)

    def reject(self, which: int, who: str) -> None:
        self._act(reject_template, which, who, reason="Name the account.")

    def edit(self, which: int, who: str, body: str) -> None:
        self._act(edit_draft, which, who, body=body)

    def _act(self, action: Any, which: int, who: str, **more: Any) -> None:
        """The newest first: there most is still to be done."""
        if self.versions:
            version = self.versions[-1 - which % len(self.versions)]
            tried(action, version_id=version, actor=self.who[who], **more)

    def check(self) -> None:
        """What holds after each event."""
        with scope(Principal.system()):
            found = list(TemplateVersion.objects.select_related("template"))
        live = Counter((one.template_id, one.locale) for one in found if one.status == _S.APPROVED)
        assert max(live.values()) == 1
        for version in found:
            self._holds_for(version)

    def _holds_for(self, version: TemplateVersion) -> None:
        fixed = (version.body, version.locale, version.template_id, version.author_id, version.partner_id)
        was, words = self.seen.get(version.id, (version.status, fixed))
        assert words == fixed or was == _S.DRAFT, "a version's words never change once submitted"
        assert was == version.status or (was, version.status) in STEPS
        self.seen[version.id] = (version.status, fixed)
        assert version.partner_id == version.template.partner_id
        if version.status in (_S.APPROVED, _S.RETIRED):
            assert version.reviewer_id in self.staff
            assert version.reviewer_id != version.author_id
            assert find_wording_errors(version.template.cluster, version.body) == []


@given(events=st.lists(EVENTS, min_size=4, max_size=14))
@example(
    events=[
        ("draft", "owner", ("news", "BALANCES"), "en", "Plain words."),
        ("submit", 0, "owner"),
        ("approve", 0, "owner as staff"),
    ]
)
@example(
    events=[
        ("draft", "client", ("news", "BALANCES"), "en", "Plain words."),
        ("submit", 0, "client"),
        ("approve", 0, "owner"),
    ]
)
def test_review(stage: Stage, events: list[tuple[Any, ...]]) -> None:
    with rolled_back():
        review = Review(stage)
        for name, *arguments in events:
            getattr(review, name)(*arguments)
            review.check()
