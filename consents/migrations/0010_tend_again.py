from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("consents", "0009_request_way")]
    operations = [
        migrations.AddField("grant", "tend_failures", models.PositiveSmallIntegerField(db_default=0)),
        migrations.AddField("grant", "tend_again_at", models.DateTimeField(null=True)),
        migrations.AddIndex(
            "grant",
            models.Index(
                fields=["id"], condition=models.Q(tend_failures__gt=0), name="consents_grant_not_tended"
            ),
        ),
    ]
