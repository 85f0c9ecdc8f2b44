from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("consents", "0010_tend_again")]
    operations = [
        migrations.AddField("grant", "fallback_ids", ArrayField(models.UUIDField(), default=list, db_default=[])),
        migrations.AddConstraint(
            "grant",
            models.CheckConstraint(
                condition=~Q(fallback_ids__contains=[F("account_id")]), name="consents_grant_fallback"
            ),
        ),
        migrations.AddField("consentrecord", "chats", models.BinaryField(default=b"", db_default=b"")),
    ]
