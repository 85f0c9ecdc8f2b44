"""Whatever the order in which a team is changed, an owner stays, and nobody else has any right on the bank."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.utils import timezone
from guardian.shortcuts import get_group_perms
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from partners.actions.invitations import (
    accept_invitation,
    invite_member,
    renew_invitation,
    withdraw_invitation,
)
from partners.actions.partners import register_partner
from partners.actions.team import change_role, remove_member
from partners.models import Invitation, Membership, PartnerUserPermission
from partners.roles import ROLE_PERMISSIONS, group_name
from portal.ids import uuid7
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from tests.isolation.stage import Stage

from .machine import Machine, explore, tried

CROWD = ("owner", "analyst", "developer", "member of another bank", "reviewer")
WHO = st.sampled_from(CROWD)
ROLE = st.sampled_from(Membership.Role.values)


class Team(Machine):
    """A new bank with one owner. `team` is what it should be, `letters` what was sent: whom to, and as what."""

    def prepare(self) -> None:
        self.partner = register_partner(name="New", slug="new", owner=self.stage.users["owner"])
        self.team = {"owner": "owner"}
        self.letters: dict[Any, tuple[str, str]] = {}
        self.ended: set[Any] = set()
        self.expired: set[Any] = set()

    @rule(who=WHO, whom=WHO, role=ROLE)
    def invite(self, who: str, whom: str, role: str) -> None:
        email = self.stage.users[whom].email.upper()
        made = self.try_as(who, invite_member, email=email, role=role)
        open_ones = self.letters.keys() - self.ended - self.expired
        is_waiting = any(self.letters[key][0] == whom for key in open_ones)
        assert bool(made) == (self.manages(who) and whom not in self.team and not is_waiting)
        if made:
            self.ended |= self.expired
            self.letters[made.pk] = (whom, role)

    @rule(who=WHO, data=st.data())
    def accept(self, who: str, data: st.DataObject) -> None:
        letter = data.draw(st.sampled_from([*self.letters, None]))
        if letter is None:
            return
        whom, role = self.letters[letter]
        joined = tried(accept_invitation, invitation_id=letter, user=self.stage.users[who])
        is_open = letter not in self.ended | self.expired
        assert bool(joined) == (is_open and who == whom != "reviewer" and who not in self.team)
        if joined:
            self.team[who] = role
            self.ended.add(letter)

    @rule(who=WHO, data=st.data(), is_again=st.booleans())
    def end_or_renew(self, who: str, data: st.DataObject, is_again: bool) -> None:
        letter = data.draw(st.sampled_from([*self.letters, None]))
        if letter is None:
            return
        action = renew_invitation if is_again else withdraw_invitation
        done = self.try_as(who, action, invitation_id=letter)
        assert bool(done) == (self.manages(who) and letter not in self.ended)
        if done and is_again:
            self.expired.discard(letter)
        elif done:
            self.ended.add(letter)

    @rule(data=st.data())
    def time_passes(self, data: st.DataObject) -> None:
        letter = data.draw(st.sampled_from([*self.letters, None]))
        if letter and letter not in self.ended:
            past = timezone.now() - timedelta(days=1)
            with scope(Principal.system()):
                Invitation.objects.filter(pk=letter).update(expires_at=past)
            self.expired.add(letter)

    @rule(who=WHO, whom=WHO, was=ROLE, to=ROLE, is_right=st.booleans())
    def change(self, who: str, whom: str, was: str, to: str, is_right: bool) -> None:
        was = self.team.get(whom, was) if is_right else was
        done = self.try_as(who, change_role, member_id=self.member_id(whom), was=was, to=to)
        is_last = self.is_last_owner(whom) and to != was
        assert bool(done) == (self.manages(who) and self.team.get(whom) == was and not is_last)
        if done:
            self.team[whom] = to

    @rule(who=WHO, whom=WHO)
    def remove(self, who: str, whom: str) -> None:
        before, may = (
            len(self.rows()),
            self.manages(who) and whom in self.team and not self.is_last_owner(whom),
        )
        self.try_as(who, remove_member, member_id=self.member_id(whom))
        assert before - len(self.rows()) == may
        if may:
            del self.team[whom]

    @invariant()
    def an_owner_stays_and_the_rows_are_as_expected(self) -> None:
        assert "owner" in self.team.values()
        assert self.rows() == {self.stage.users[who].pk: role for who, role in self.team.items()}

    @invariant()
    def rights_follow_the_memberships_exactly(self) -> None:
        for role in Membership.Role.values:
            group = Group.objects.get(name=group_name(self.partner.id, role))
            expected = {self.stage.users[who].pk for who, has in self.team.items() if has == role}
            assert set(group.user_set.values_list("pk", flat=True)) == expected, role
        for who in CROWD:
            held = set(get_group_perms(self.stage.users[who], self.partner))
            assert held == {str(one) for one in ROLE_PERMISSIONS.get(self.team.get(who, ""), set())}, who
        assert not PartnerUserPermission.objects.exists()

    def try_as(self, who: str, action: Any, **arguments: Any) -> Any:
        actor = Principal(Kind.MEMBER, self.stage.users[who].pk, self.partner.id)
        return tried(action, partner_id=self.partner.id, actor=actor, **arguments)

    def manages(self, who: str) -> bool:
        return self.team.get(who) == "owner"

    def is_last_owner(self, who: str) -> bool:
        return self.manages(who) and list(self.team.values()).count("owner") == 1

    def rows(self) -> dict[Any, str]:
        with scope(Principal.system()):
            return dict(Membership.objects.filter(partner=self.partner).values_list("user_id", "role"))

    def member_id(self, who: str) -> Any:
        with scope(Principal.system()):
            rows = Membership.objects.filter(partner=self.partner, user=self.stage.users[who])
            return rows.values_list("pk", flat=True).first() or uuid7()


def test_the_team(stage: Stage) -> None:
    explore(Team, stage, examples=16, steps=30)
