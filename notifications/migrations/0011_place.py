from django.db import migrations, models

PLACE = models.PositiveSmallIntegerField(default=0, db_default=0)


class Migration(migrations.Migration):
    dependencies = [("notifications", "0010_people_first")]
    operations = [
        migrations.AddField("delivery", "place", PLACE),
        migrations.AddField("attempt", "place", PLACE.clone()),
    ]
