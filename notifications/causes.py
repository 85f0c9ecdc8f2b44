"""Why a delivery stands where it stands, in one sentence for its bank, with what to do about it."""

from notifications.models import Delivery

_S = Delivery.Status
CAUSES = {
    "expired": "It could not be sent before it expired, so it was not sent at all.",
    "unreachable": "The person has blocked your page or closed their chat; they are reached again once they write.",
    "fallback": "The person’s first chat could not be reached; it went to the next one that they allow.",
    "gone": "The platform no longer knows this person, so the link and its grants have ended.",
    "sender_paused": "The platform refuses your page’s token or permission; renew it, and what waits goes on.",
    "permanent": "The platform refused this message as it is and would again; check its template before you send another.",
    "permanent:erased": "Its data was erased before it could be sent.",
    "awaiting_echo": "The platform did not answer; we wait for its echo or receipt and do not send twice.",
    "no_answer": "The platform never told what became of it; we did not risk sending it twice.",
    "unknown": "The request went out and no answer came; its echo or receipt will tell.",
    "grant_paused": "The person has paused your messages; what waits is not sent late.",
    "grant_ended": "The person’s consent ended before it was sent.",
    "no_active_grant": "No live grant covers this kind of message any more.",
    "quiet_hours": "The person wants quiet at this hour; it is sent when their quiet hours end, if it has not expired.",
    "reconfirmation_due": "The person has to confirm their consent again; it waits until they do or it expires.",
    "partner_suspended": "Your bank is suspended on the platform; it waits until that is lifted or it expires.",
    "partner_ended": "Your bank no longer sends through the platform.",
    "agreement_not_in_force": "No agreement is in force; it waits until one is or it expires.",
    "outside_agreement": "Your agreement does not cover this kind of message or channel; ask for an amendment.",
    "cancelled_by_bank": "You took it back before it was sent.",
}
# What may pass by itself: what happened, and how it went on.
PASSING = {
    "transient": "The platform had a fault for the moment",
    "transient:connection_refused": "The platform could not be reached",
    "transient:connection_slow": "Connecting to the platform took so long that it was not sent",
    "window_closed": "The platform’s 24-hour window had closed",
    "throttled": "The platform asked us to slow down",
}
WENT_ON: dict[str, str] = {
    _S.FAILED: "it was tried several times and given up",
    _S.EXPIRED: "the next try would have come after it expired",
}


def cause_of(reason: str, status: str = "") -> str:
    """The sentence for a delivery's `reason`, or an attempt's `outcome:code`; "" where there is none to give."""
    kind = reason.partition(":")[0]
    if what := PASSING.get(reason) or PASSING.get(kind):
        return f"{what}; {WENT_ON.get(status, 'it is tried again by itself')}."
    return CAUSES.get(reason) or CAUSES.get(kind, "")
