"""What a bank that has left is given as proof that its data is gone."""

from partners.models import Partner, Stop
from portal.ids import public_id

_WORDS = """\
All that the bank sent, all references to its customers and their accounts, and its
secrets were kept encrypted (AES-256-GCM), with one key for the bank and one for each of
its customers. These keys were kept in the platform's database alone, wrapped; they were
destroyed at the time above, so that what they encrypted cannot be read again by anybody.

Kept are the audit trail and the records of consent: they hold who did what and when, and
no message, no account and no secret.
"""


def write_certificate(partner: Partner, stop: Stop) -> str:
    """Plain text; the stop's data is destroyed. Times are UTC."""
    left = "Left Parley" if stop.kind == Stop.Kind.SURRENDERED else "Ended by Parley"
    facts = {
        "Bank": f"{partner.name} ({public_id('ptn', partner.id)})",
        "Reference": stop.id.hex,
        left: f"{stop.at:%Y-%m-%d %H:%M:%S} UTC",
        "Agreed in": f"clause {stop.clause}" if stop.clause else "no agreement was in force",
        "Data destroyed": f"{stop.destroyed_at:%Y-%m-%d %H:%M:%S} UTC",
        "Keys destroyed": stop.keys_destroyed,
    }
    lines = [f"{name + ':':<17}{value}" for name, value in facts.items()]
    return "\n".join(["CERTIFICATE OF DELETION", "", *lines, "", _WORDS])
