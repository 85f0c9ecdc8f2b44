"""What a person sees, and stops, on their own pages."""

from typing import Any

import pytest
from django.test import Client

from portal.ids import public_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana(world: Any) -> Client:
    http = Client()
    http.force_login(world.ana.person.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return http


def grant_path(story: Any) -> str:
    return f"/me/grants/{public_id('grt', story.grant.id)}"


def test_nobody_signed_in_is_sent_to_sign_in(world: Any) -> None:
    answer = Client().get("/me/")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


def test_connected_banks_and_why_each_message_came(ana: Client, api: Any, world: Any) -> None:
    assert api.send().status_code == 202
    assert "Norden Bank" in ana.get("/me/").content.decode()
    page = ana.get(grant_path(world.ana)).content.decode()
    assert "Your account •• 4821 has $1,234.50 available" in page
    assert "Why did I get this?" in page
    assert "AGR-NORDEN v1" in page
    assert "acc-ana" not in page


def test_a_stranger_gets_404_everywhere(ana: Client, world: Any) -> None:
    for story in (world.ben, world.charlie):
        path = grant_path(story)
        assert ana.get(path).status_code == 404
        assert ana.get(f"{path}/disconnect").status_code == 404
        for action in ("pause", "resume", "disconnect"):
            assert ana.post(f"{path}/{action}").status_code == 404


def test_pause_resume_and_disconnect_take_effect_on_the_banks_next_event(
    ana: Client, api: Any, world: Any
) -> None:
    path = grant_path(world.ana)
    ana.post(f"{path}/pause")
    assert api.send().json()["code"] == "grant_paused"
    ana.post(f"{path}/resume")
    assert api.send().status_code == 202
    assert "Disconnect Norden Bank?" in ana.get(f"{path}/disconnect").content.decode()
    ana.post(f"{path}/disconnect")
    assert api.send().json()["code"] == "no_active_grant"
    page = ana.post(f"{path}/resume", follow=True).content.decode()
    assert "cannot be done any more" in page


def test_the_number_of_queries_does_not_grow_with_messages(
    ana: Client, api: Any, world: Any, django_assert_max_num_queries: Any
) -> None:
    for _ in range(6):
        api.send()
    with django_assert_max_num_queries(24):
        ana.get(grant_path(world.ana))
