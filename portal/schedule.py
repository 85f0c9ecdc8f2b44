"""What beat starts, and how often. In the settings rather than beside the tasks, so that no order of imports can
leave one out. Each expires before its next turn: a worker that was away meets no heap of them.
"""

from typing import Any


def _every(seconds: float, task: str, *args: str, queue: str = "events") -> dict[str, Any]:
    return {
        "task": task,
        "args": args,
        "schedule": seconds,
        "options": {"queue": queue, "expires": seconds},
    }


BEAT_SCHEDULE = {
    "deliver-urgent": _every(2.0, "notifications.tasks.deliver_due", "urgent", queue="urgent"),
    "deliver-standard": _every(2.0, "notifications.tasks.deliver_due", "standard", queue="standard"),
    "people": _every(2.0, "notifications.tasks.listen", queue="people"),
    "inbound": _every(2.0, "notifications.tasks.work_inbound"),
    "recoveries": _every(5.0, "notifications.tasks.recover_lost"),
    "sweep": _every(5.0, "notifications.tasks.sweep_time"),
    "tend-grants": _every(60.0, "notifications.tasks.tend_all"),
    "stops": _every(5.0, "consents.tasks.watch_stops"),
    "webhooks": _every(2.0, "partners.tasks.deliver_webhooks"),
    "forget-webhooks": _every(3600.0, "partners.tasks.forget_webhooks"),
    "agreements": _every(30.0, "partners.tasks.keep_agreements"),
    "empty-messages": _every(600.0, "notifications.tasks.empty_old_messages"),
    "destroy-departed": _every(600.0, "partners.tasks.destroy_departed_data"),
    "ask-for-verification": _every(3600.0, "partners.tasks.ask_for_verification"),
    "mail": _every(2.0, "portal.tasks.send_mail"),
    "clean-up": _every(3600.0, "portal.tasks.clean_up"),
}
