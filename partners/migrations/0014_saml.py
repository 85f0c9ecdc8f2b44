import django.contrib.postgres.fields
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("partners", "0013_hand_over")]

    operations = [
        migrations.AddField(
            "signon",
            "kind",
            models.CharField(choices=[("oidc", "OpenID Connect"), ("saml", "SAML 2.0")], default="oidc", max_length=4),
        ),
        migrations.AddField("signon", "sso_url", models.CharField(blank=True, max_length=500, default=""), preserve_default=False),
        migrations.AddField(
            "signon",
            "certificates",
            django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None),
        ),
        migrations.AddField("signon", "own_certificate", models.TextField(blank=True, default=""), preserve_default=False),
        migrations.AlterField("signon", "client_id", models.CharField(blank=True, max_length=191)),
        migrations.AddConstraint(
            "signon",
            models.CheckConstraint(
                condition=~Q(kind="saml")
                | (~Q(sso_url="") & ~Q(own_certificate="") & Q(certificates__len__gte=1)),
                name="partners_signon_saml",
            ),
        ),
    ]
