"""Who is in a bank's team, with which role. One owner always stays."""

from uuid import UUID

from django.contrib.auth.models import Group
from django.db import transaction

from partners.models import Membership
from partners.refusals import Refused
from partners.roles import ROLE_PERMISSIONS, ROLE_WORDS, group_name
from portal.audit.codes import Code
from portal.audit.record import record
from portal.tenancy.context import scope
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Kind, Principal

_OWNER = Membership.Role.OWNER
LAST_OWNER = "This is the bank’s last owner. Make somebody else an owner first."


def lock_team(partner_id: UUID, actor: Principal) -> list[Membership]:
    """The whole team, locked until the transaction ends. Raises Refused unless the actor may manage it as it is
    now, not as it was when their page opened. Call as the system.
    """
    rows = Membership.objects.select_for_update(of=("self",)).select_related("user", "partner")
    team = list(rows.filter(partner_id=partner_id).order_by("id"))
    if actor.kind is Kind.SYSTEM:
        return team
    own = next((member for member in team if member.user_id == actor.id), None)
    if actor.kind is not Kind.MEMBER or own is None:
        raise Refused("You are not in this bank’s team any more.")
    if Permission.TEAM_MANAGE not in ROLE_PERMISSIONS[own.role]:
        raise Refused("Your role does not include the team any more.")
    return team


@transaction.atomic
def change_role(*, partner_id: UUID, member_id: UUID, was: str, to: str, actor: Principal) -> Membership:
    """Gives a member another role, at once. `was` is the role that the actor saw; raises Refused for another."""
    with scope(Principal.system()):
        team = lock_team(partner_id, actor)
        member = _member(team, member_id)
        if member.role != was:
            now = ROLE_WORDS[member.role][0]
            raise Refused(f"Somebody else has changed this meanwhile: the role is {now} now. Look again.")
        if to != was:
            _check_owner_stays(team, member)
            member.role = to
            member.save(update_fields=["role"])
            member.user.groups.remove(Group.objects.get(name=group_name(partner_id, was)))
            member.user.groups.add(Group.objects.get(name=group_name(partner_id, to)))
            data = {"from": was, "to": to}
            record(Code.MEMBER_ROLE_CHANGED, actor=actor, target=member, partner_id=partner_id, data=data)
    return member


@transaction.atomic
def remove_member(*, partner_id: UUID, member_id: UUID, actor: Principal) -> None:
    """Takes somebody out of the team, at once. Their account stays, and what they did for the bank."""
    with scope(Principal.system()):
        team = lock_team(partner_id, actor)
        member = _member(team, member_id)
        _check_owner_stays(team, member)
        member.user.groups.remove(Group.objects.get(name=group_name(partner_id, member.role)))
        data = {"role": member.role, "user": str(member.user_id)}
        record(Code.MEMBER_REMOVED, actor=actor, target=member, partner_id=partner_id, data=data)
        member.delete()


def _member(team: list[Membership], member_id: UUID) -> Membership:
    found = next((member for member in team if member.pk == member_id), None)
    if found is None:
        raise Refused("This person is not in the team any more.")
    return found


def _check_owner_stays(team: list[Membership], member: Membership) -> None:
    if member.role == _OWNER and not any(one.role == _OWNER for one in team if one.pk != member.pk):
        raise Refused(LAST_OWNER)
