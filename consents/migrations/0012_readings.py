from django.db import migrations, models
from django.db.models.functions import Now

import portal.ids
from portal.tenancy.operations import tenant_table

KINDS = [("grant", "Grant"), ("request", "Request"), ("messages", "Messages")]


def loose(to: str) -> models.ForeignKey:
    return models.ForeignKey(to=to, on_delete=models.PROTECT, db_constraint=False, db_index=False)


class Migration(migrations.Migration):
    dependencies = [("consents", "0011_fallback"), ("partners", "0010_sender_columns")]
    operations = [
        migrations.CreateModel(
            name="Reading",
            fields=[
                ("id", models.UUIDField(primary_key=True, default=portal.ids.uuid7, editable=False, serialize=False)),
                ("kind", models.CharField(max_length=10, choices=KINDS)),
                ("actor_kind", models.CharField(max_length=10)),
                ("actor_id", models.UUIDField()),
                ("actor_name", models.CharField(max_length=80, blank=True)),
                ("day", models.DateField()),
                ("times", models.PositiveIntegerField(default=1, db_default=1)),
                ("first_at", models.DateTimeField(db_default=Now())),
                ("last_at", models.DateTimeField(db_default=Now())),
                ("partner", loose("partners.partner")),
                ("person", loose("consents.person")),
                ("grant", loose("consents.grant")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["grant", "kind", "actor_id", "day"], name="consents_reading_once_a_day"
                    )
                ],
                "indexes": [models.Index(fields=["person", "-id"], name="consents_reading_person")],
            },
        ),
        tenant_table(
            "consents_reading",
            person="person_id",
            partner_may="SELECT, INSERT, UPDATE (times, last_at)",
            staff_may="",
            worker_may="SELECT, DELETE",
        ),
        # A row is counted up again and again, and no index has to follow
        migrations.RunSQL("ALTER TABLE consents_reading SET (fillfactor = 80)", migrations.RunSQL.noop),
    ]
