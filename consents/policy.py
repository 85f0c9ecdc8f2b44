"""May this be shared, now? One answer, given when an event comes in and again in the claim that sends it."""

# Over the aliases g (grant), a (its linked account), p (partner), v (agreement version in force, may be missing)
# and {cluster}. Ordered: the first reason that holds is the answer; NULL means yes.
VERDICT = """
CASE
    WHEN g.status = 'PAUSED' THEN 'grant_paused'
    WHEN g.status <> 'ACTIVE' OR g.expires_at <= now() THEN 'no_active_grant'
    WHEN NOT ({cluster} = ANY (g.clusters)) OR a.status = 'UNLINKED' THEN 'no_active_grant'
    WHEN p.status IN ('REVOKED', 'SURRENDERED', 'REJECTED') THEN 'partner_ended'
    WHEN p.status = 'SUSPENDED' OR (g.environment = 'live' AND p.status <> 'ACTIVE') THEN 'partner_suspended'
    WHEN g.reconfirm_by <= now() THEN 'reconfirmation_due'
    WHEN a.status = 'SUSPENDED' THEN 'unreachable'
    WHEN g.environment = 'sandbox' THEN NULL
    WHEN v.id IS NULL OR v.ends_at <= now() THEN 'agreement_not_in_force'
    WHEN g.authorised_at + make_interval(days => v.longest_grant_days) <= now() THEN 'no_active_grant'
    WHEN NOT ({cluster} = ANY (v.clusters)) OR NOT (a.channel = ANY (v.channels)) THEN 'outside_agreement'
    ELSE NULL
END
"""

# Reasons that can pass: what is queued is held until it expires, not withdrawn.
HELD = ("partner_suspended", "agreement_not_in_force", "outside_agreement", "reconfirmation_due")
# The messenger refuses this person until they write again: it fails, and nothing is withdrawn.
UNREACHABLE = "unreachable"
