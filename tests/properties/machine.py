"""What all state machines share: an example in a transaction that never commits, and who acts."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import time_machine
from django.core.exceptions import ObjectDoesNotExist
from django.db import ProgrammingError, transaction
from django.http import Http404
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from partners.refusals import Refused
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Kind, Principal
from tests.isolation.stage import Stage, rolled_back


class Machine(RuleBasedStateMachine):
    """One example."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        self._example = rolled_back()
        self._example.__enter__()
        self.prepare()

    def prepare(self) -> None:
        """What every example begins with."""

    def teardown(self) -> None:
        self._example.__exit__(None, None, None)


def travel(moment: datetime) -> Any:
    """Another time, that passes only when it is told to."""
    return time_machine.travel(moment, tick=False)


def explore(machine: Callable[[Stage], Machine], stage: Stage, *, examples: int, steps: int) -> None:
    """Runs the machine, more often and longer under the profile `search`."""
    factor = settings.default.max_examples // 100 or 1
    chosen = settings(max_examples=examples * factor, stateful_step_count=steps * min(factor, 2))
    run_state_machine_as_test(lambda: machine(stage), settings=chosen)


def tried(action: Callable[..., Any], *refusals: type[Exception], **arguments: Any) -> Any:
    """What the action returns, or None where it refuses, cannot see the row, or has no right to it."""
    try:
        with transaction.atomic():
            return action(**arguments)
    except (Refused, Http404, ObjectDoesNotExist, *refusals):
        return None
    except ProgrammingError as error:
        if "permission denied" in str(error) or "row-level security" in str(error):
            return None
        raise


def cast(stage: Stage, partner_id: Any, person_id: Any = None) -> dict[str, Principal]:
    """Everybody who might try to act on a bank's or a person's things."""
    world, every = stage.world, frozenset(permission.value for permission in Permission)
    other, other_person = world.other.partner.id, world.charlie.person_id
    return {
        "owner": _member(stage, "owner", partner_id, every),
        "analyst": _member(stage, "analyst", partner_id, frozenset({"deliveries:read"})),
        "other bank's owner": _member(stage, "member of another bank", other, every),
        "client": Principal(Kind.CLIENT, stage.clients["live"].id, partner_id, environment="live"),
        "sandbox client": Principal(
            Kind.CLIENT, stage.clients["sandbox"].id, partner_id, environment="sandbox"
        ),
        "other bank's client": Principal(
            Kind.CLIENT, stage.clients["other bank's live"].id, other, environment="live"
        ),
        "person": Principal(Kind.PERSON, stage.users["ana"].pk, person_id=person_id or world.ana.person_id),
        "stranger": Principal(Kind.PERSON, stage.users["charlie"].pk, person_id=other_person),
        "reviewer": world.staff.reviewer,
        "second reviewer": world.staff.second_reviewer,
        "owner as staff": Principal(Kind.STAFF, stage.users["owner"].pk),
        "system": Principal.system(),
    }


def _member(stage: Stage, who: str, partner_id: Any, permissions: frozenset[str]) -> Principal:
    return Principal(Kind.MEMBER, stage.users[who].pk, partner_id, permissions=permissions)
