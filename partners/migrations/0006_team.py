import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import portal.ids
from portal.tenancy.operations import tenant_table

USER = settings.AUTH_USER_MODEL
ROLES = [
    ("owner", "Owner"),
    ("integration_admin", "Integration Admin"),
    ("compliance", "Compliance"),
    ("developer", "Developer"),
    ("analyst", "Analyst"),
]


def _letter():
    return [
        ("id", models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
        ("email", models.EmailField(max_length=254)),
        ("digest", models.BinaryField(max_length=32, unique=True)),
        (
            "invited_by",
            models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=USER),
        ),
        ("created_at", models.DateTimeField(auto_now_add=True)),
        ("expires_at", models.DateTimeField()),
        ("accepted_at", models.DateTimeField(null=True)),
        ("withdrawn_at", models.DateTimeField(null=True)),
    ]


def _partner(**more):
    return ("partner", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="partners.partner", **more))


class Migration(migrations.Migration):
    dependencies = [("partners", "0005_agreements"), migrations.swappable_dependency(USER)]
    operations = [
        migrations.CreateModel(
            name="Invitation",
            fields=[*_letter(), _partner(), ("role", models.CharField(choices=ROLES, max_length=20))],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("partner"),
                        django.db.models.functions.text.Lower("email"),
                        condition=models.Q(accepted_at=None, withdrawn_at=None),
                        name="partners_invitation_one_open",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="BankInvitation",
            fields=[
                *_letter(),
                ("bank_name", models.CharField(max_length=120)),
                ("words", models.TextField(blank=True, max_length=2000)),
                ("declined_at", models.DateTimeField(null=True)),
                ("decline_reason", models.TextField(blank=True, max_length=2000)),
                _partner(null=True),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        django.db.models.functions.text.Lower("email"),
                        condition=models.Q(accepted_at=None, declined_at=None, withdrawn_at=None),
                        name="partners_bankinvitation_one_open",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="JoinRequest",
            fields=[
                ("id", models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                _partner(),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=USER)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("closed_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["partner", "user"],
                        condition=models.Q(closed_at=None),
                        name="partners_joinrequest_one_open",
                    )
                ]
            },
        ),
        migrations.AddConstraint(
            model_name="partner",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("domain"),
                condition=~models.Q(domain="") & ~models.Q(status__in=["REJECTED", "REVOKED", "SURRENDERED"]),
                name="partners_partner_domain",
            ),
        ),
        tenant_table("partners_invitation", partner_may="SELECT", staff_may=""),
        tenant_table("partners_joinrequest", partner_may="SELECT", staff_may=""),
        tenant_table("partners_bankinvitation", partner_may="", staff_may="SELECT, INSERT, UPDATE"),
    ]
