from django.conf import settings
from django.db import migrations, models

import portal.ids
from portal.tenancy.operations import tenant_table

STATUSES = [(name, name.capitalize()) for name in ("OPEN", "ANSWERED", "CLOSED")]


def identifier() -> tuple[str, models.Field]:
    return ("id", models.UUIDField(primary_key=True, default=portal.ids.uuid7, editable=False, serialize=False))


def protected(to: str, **more: object) -> models.ForeignKey:
    return models.ForeignKey(to=to, on_delete=models.PROTECT, **more)


class Migration(migrations.Migration):
    dependencies = [
        ("consents", "0005_tend"),
        ("partners", "0012_customer_sign_in"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.AddField("person", "is_discreet", models.BooleanField(default=False)),
        migrations.CreateModel(
            name="Complaint",
            fields=[
                identifier(),
                ("status", models.CharField(max_length=8, choices=STATUSES, default="OPEN")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("changed_at", models.DateTimeField()),
                ("about", protected("partners.partner", null=True, db_index=False)),
                ("person", protected("consents.person", db_index=False)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["person", "-id"], name="consents_complaint_person"),
                    models.Index(fields=["status", "changed_at"], name="consents_complaint_queue"),
                ]
            },
        ),
        migrations.CreateModel(
            name="ComplaintMessage",
            fields=[
                identifier(),
                ("is_by_staff", models.BooleanField()),
                ("author_id", models.UUIDField()),
                ("text", models.BinaryField()),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("complaint", protected("consents.complaint", related_name="messages")),
                ("person", protected("consents.person", db_index=False)),
            ],
        ),
        migrations.CreateModel(
            name="Erasure",
            fields=[
                identifier(),
                ("at", models.DateTimeField()),
                ("banks_told", models.PositiveIntegerField()),
                ("grants_ended", models.PositiveIntegerField()),
                ("accounts_unlinked", models.PositiveIntegerField()),
                ("keys_destroyed", models.PositiveIntegerField()),
                ("is_sign_in_kept", models.BooleanField()),
                (
                    "person",
                    models.OneToOneField(to="consents.person", on_delete=models.PROTECT),
                ),
            ],
        ),
        *(
            tenant_table(table, person="person_id", partner_may="", worker_may="SELECT, INSERT, UPDATE")
            for table in ("consents_complaint", "consents_complaintmessage")
        ),
        tenant_table("consents_erasure", person="person_id", partner_may="", worker_may="SELECT, INSERT"),
    ]
