"""The agreement's text, made from its terms; each clause is numbered, so that a refusal can name it."""

from partners.models import AgreementVersion, Partner

CLAUSES = {
    "clusters": "2.1",
    "channels": "2.2",
    "countries": "2.3",
    "retention_days": "3.1",
    "longest_grant_days": "3.2",
    "monthly_volume_cap": "4.1",
    "notice_days": "5.1",
}


def render_agreement(partner: Partner, number: str, version: AgreementVersion) -> str:
    """Plain text, the same for the same terms."""
    lines = [
        f"Data-sharing agreement {number}, version {version.number}, with {partner.name}",
        "",
        "1.1 The bank pushes messages that a person has asked for. The platform reads nothing from the bank.",
        "1.2 No message advertises anything.",
        f"{CLAUSES['clusters']} Data covered: {', '.join(sorted(version.clusters))}.",
        f"{CLAUSES['channels']} Channels: {', '.join(sorted(version.channels))}.",
        f"{CLAUSES['countries']} Countries: {', '.join(sorted(version.countries))}.",
        f"{CLAUSES['retention_days']} Message data is kept for {version.retention_days} days, then destroyed.",
        f"{CLAUSES['longest_grant_days']} A person's consent lasts at most {version.longest_grant_days} days.",
        f"{CLAUSES['monthly_volume_cap']} At most {version.monthly_volume_cap} messages a calendar month.",
        f"{CLAUSES['notice_days']} Either side may end this with {version.notice_days} days' notice.",
    ]
    return "\n".join(lines) + "\n"
