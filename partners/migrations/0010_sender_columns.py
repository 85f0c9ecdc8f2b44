from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("partners", "0009_people_asked")]
    operations = [
        # People choose whom to link with: they see neither sealed secrets nor how a sender fares
        migrations.RunSQL(
            """
            REVOKE SELECT ON partners_sender FROM parley_person;
            GRANT SELECT (id, partner_id, environment, channel, external_id, name, status)
                ON partners_sender TO parley_person
            """,
            migrations.RunSQL.noop,
        ),
    ]
