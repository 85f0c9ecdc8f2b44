"""May this be shared, now? One answer, given when an event comes in and again in the claim that sends it."""

# Over the aliases g (grant), p (partner), v (agreement version in force, may be missing) and k, the cluster.
# Ordered: the first reason that holds is the answer; NULL means yes.
VERDICT = """
CASE
    WHEN g.status = 'PAUSED' THEN 'grant_paused'
    WHEN g.status <> 'ACTIVE' THEN 'no_active_grant'
    WHEN g.expires_at <= now() THEN 'no_active_grant'
    WHEN NOT ({cluster} = ANY (g.clusters)) THEN 'no_active_grant'
    WHEN g.reconfirm_by <= now() THEN 'reconfirmation_due'
    WHEN g.environment = 'sandbox' AND p.status IN ('SUSPENDED', 'REVOKED', 'SURRENDERED', 'REJECTED')
        THEN 'partner_suspended'
    WHEN g.environment = 'sandbox' THEN NULL
    WHEN p.status <> 'ACTIVE' THEN 'partner_suspended'
    WHEN v.id IS NULL OR v.status <> 'FINALIZED' THEN 'agreement_not_in_force'
    WHEN NOT ({cluster} = ANY (v.clusters)) THEN 'outside_agreement'
    ELSE NULL
END
"""

# Reasons that lie with the bank and can pass: what is queued is held until it expires, not withdrawn.
HELD = ("partner_suspended", "agreement_not_in_force", "outside_agreement", "reconfirmation_due")
