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

# To join as a: the linked account that a message of grant g goes to now. It is the first of its order that can be
# reached and that the agreement v covers; else the first of all, whose state then gives the reason. Whatever an order
# holds, it leads to the grant's own person at the grant's own bank. Grants without a fallback pay nothing; OFFSET 0
# keeps the planner from reading all accounts to find one. Whoever locks g sees what it has become meanwhile, but not
# what a has: by the condition, an account that the grant no longer names takes the row away.
ACCOUNT = """
LATERAL (SELECT * FROM consents_linkedaccount WHERE id = CASE WHEN cardinality(g.fallback_ids) > 0 THEN COALESCE((
    SELECT x.id FROM unnest(g.account_id || g.fallback_ids) WITH ORDINALITY AS o(id, place)
    JOIN consents_linkedaccount x ON x.id = o.id JOIN partners_sender y ON y.id = x.sender_id
    WHERE (x.person_id, x.partner_id, x.environment) = (g.person_id, g.partner_id, g.environment)
      AND (o.place = 1 AND x.status = 'UNLINKED' OR x.status = 'ACTIVE'
           AND (o.place = 1 OR y.status = 'ACTIVE')
           AND (g.environment = 'sandbox' OR v.id IS NULL OR x.channel = ANY (v.channels)))
    ORDER BY o.place LIMIT 1), g.account_id) ELSE g.account_id END OFFSET 0) a
ON (a.id = g.account_id OR a.id = ANY (g.fallback_ids))
"""

# Reasons that can pass: what is queued is held until it expires, not withdrawn.
HELD = ("partner_suspended", "agreement_not_in_force", "outside_agreement", "reconfirmation_due")
# The messenger refuses this person until they write again: it fails, and nothing is withdrawn.
UNREACHABLE = "unreachable"
