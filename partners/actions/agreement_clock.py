"""What time does to agreements. One that fails stops no other."""

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

import structlog

from partners.actions.agreement_endings import due_to_end, due_to_remind, end_agreement, remind_of_end
from partners.actions.agreements import due_to_begin, put_agreement_in_force
from partners.refusals import Refused

log = structlog.get_logger(__name__)


def move_agreements() -> dict[str, int]:
    """Ends what is over, puts in force what has come to its day, reminds of ends; returns how many of each.

    An amendment that begins as its predecessor ends replaces it, so that there is no gap.
    """
    return {
        "begun": _each(due_to_begin(), put_agreement_in_force),
        "ended": _each(due_to_end(), end_agreement),
        "reminded": _each(due_to_remind(), remind_of_end),
    }


def _each(version_ids: Iterable[UUID], action: Callable[..., Any]) -> int:
    done = 0
    for version_id in version_ids:
        try:
            done += bool(action(version_id=version_id))
        except Refused:
            continue  # somebody changed it since
        except Exception as error:
            log.exception("agreement_not_moved", error=type(error).__name__)
    return done
