"""What a client can ask about itself."""

from django.db.models import F
from rest_framework.request import Request

from partners.models import AgreementVersion, ApiClient, Partner
from partners.serializers import ME, AgreementSummary, Me
from portal.api.schema import operation
from portal.api.times import rfc3339
from portal.api.views import ApiView
from portal.ids import public_id


class MeView(ApiView):
    """`GET /me`."""

    @operation(answer_example=ME)
    def get(self, request: Request) -> Me:
        """See whom the token stands for

        The client, its bank, the environment, the token's scopes, the agreement in force and the rate limit.
        """
        client = ApiClient.objects.only("id", "name").get(pk=self.principal.id)
        partner = Partner.objects.only("id", "name", "slug", "status").get(pk=self.principal.partner_id)
        return {
            "client": {"id": public_id("cli", client.id), "name": client.name},
            "partner": {
                "id": public_id("ptn", partner.id),
                "name": partner.name,
                "slug": partner.slug,
                "status": partner.status,
            },
            "environment": self.principal.environment,
            "scopes": sorted(self.principal.scopes),
            "agreement": self._agreement(),
            "rate_limit": {"requests": self.caller.rate_per_second, "per_seconds": 1},
        }

    def _agreement(self) -> AgreementSummary | None:
        version = (
            AgreementVersion.objects.in_force()
            .filter(partner_id=self.principal.partner_id)
            .annotate(agreement_number=F("agreement__number"))
            .first()
        )
        if version is None:
            return None
        return {
            "id": public_id("agr", version.agreement_id),
            "number": version.agreement_number,
            "version": version.number,
            "clusters": version.clusters,
            "in_force_from": rfc3339(version.in_force_from) if version.in_force_from else None,
        }
