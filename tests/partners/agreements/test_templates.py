"""The platform's own templates: versions, the words of each clause, and the banks under them."""

from typing import Any

import pytest

from partners.agreement_diff import compare
from partners.agreement_text import WORDING, clauses_of, find_wording_errors
from partners.forms.agreements import initial_wording

from .conftest import TERMS, agreed, as_system, at_staff, count, offered, text_of

LIST = "/staff/agreement-templates"
FORM = {**TERMS, "name": "Nordic", **initial_wording({**WORDING, "1.2": "No message sells anything."})}


def saved(desk: Any, page: str = f"{LIST}/new", **changes: Any) -> str:
    """The page of the version that was made."""
    answer = desk.first.post(page, {**FORM, **changes})
    assert answer.status_code == 302, text_of(answer)
    return answer["Location"]


def test_a_template_is_made_offered_changed_and_shows_its_banks(desk: Any) -> None:
    assert "No template yet" in text_of(desk.first.get(LIST))
    page = saved(desk)
    choose = desk.first.get(f"/staff/agreements/offer?bank=norden&template={page.rpartition('/')[2]}")
    assert choose["Location"] == f"{desk.offer_page}?template={page.rpartition('/')[2]}"
    desk.offer_page = choose["Location"]
    one = agreed(desk)
    assert clauses_of(one.text)["1.2"] == "No message sells anything."
    assert "Norden Bank" in text_of(desk.first.get(page))
    changed = saved(desk, f"{page}/edit", clause_1_1="The bank pushes, the platform never pulls.")
    assert "Version 2" in text_of(desk.first.get(changed))
    with as_system():
        one.refresh_from_db()
    assert "never pulls" not in one.text
    assert "Nordic 2" in text_of(desk.first.get(LIST))
    assert desk.stranger.get(LIST).status_code == 404


def test_a_change_of_what_a_colleague_changed_is_refused_and_kept(desk: Any) -> None:
    page = saved(desk)
    saved(desk, f"{page}/edit")
    late = desk.second.post(f"{page}/edit", {**FORM, "clause_1_1": "Mine, which took long."})
    assert late.status_code == 422
    assert "A colleague saved version 2 of “Nordic” meanwhile" in text_of(late)
    assert "Mine, which took long." in text_of(late)
    again = desk.second.post(f"{LIST}/new", FORM)
    assert "There is a template “Nordic” already" in text_of(again)


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        ("clause_2_1", "All data.", "Clause 2.1 has to hold {clusters}."),
        ("clause_1_1", "Kept for {retention_days}.", "Clause 1.1 cannot hold {retention_days}."),
        ("clause_1_1", "{__class__}", "Clause 1.1 cannot hold {__class__}."),
    ],
)
def test_words_that_lose_a_term_are_refused(desk: Any, field: str, text: str, sentence: str) -> None:
    refused = desk.first.post(f"{LIST}/new", {**FORM, field: text})
    assert refused.status_code == 422
    assert sentence in text_of(refused)
    assert text in text_of(refused)


def test_the_standard_wording_holds_every_term() -> None:
    assert find_wording_errors(WORDING) == []


def test_an_unknown_bank_is_named(desk: Any) -> None:
    answer = desk.first.get("/staff/agreements/offer?bank=nobody&template=")
    assert answer.status_code == 422
    assert "There is no bank of this name." in text_of(answer)


def test_the_list_narrows_and_tells_whose_turn_it_is(desk: Any, django_assert_max_num_queries: Any) -> None:
    one = offered(desk)
    with django_assert_max_num_queries(20):
        everything = text_of(desk.first.get("/staff/agreements"))
    assert "AGR-NORDEN, version 2 Norden Bank Waits for the bank" in everything
    assert "AGR-HARBOUR, version 1 Harbour In force" in everything
    narrowed = text_of(desk.first.get("/staff/agreements?status=open"))
    assert "AGR-NORDEN, version 2" in narrowed
    assert "AGR-HARBOUR" not in narrowed
    assert desk.first.get(at_staff(one, "/compare")).status_code == 200
    assert count(desk.partner) == 2


def test_clauses_are_compared_word_by_word() -> None:
    before = "Title\n\n1.1 One two three.\n1.2 Gone.\n1.9 Same.\n"
    after = "Title\n\n1.1 One 2 three.\n1.9 Same.\n1.10 New.\n"
    found = {clause.number: clause for clause in compare(before, after)}
    assert list(found) == ["1.1", "1.2", "1.9", "1.10"]
    assert [clause.change for clause in found.values()] == ["Changed", "Removed", "Same", "Added"]
    assert [piece.text for piece in found["1.1"].before if piece.is_marked] == ["two"]
    assert [piece.text for piece in found["1.1"].after if piece.is_marked] == ["2"]
