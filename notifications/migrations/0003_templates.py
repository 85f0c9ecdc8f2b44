from django.db import migrations, models

# Not even the tables' owner changes by accident what was reviewed.
FREEZE = """
CREATE FUNCTION notifications_freeze_wording() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.template_id, OLD.number, OLD.locale, OLD.author_id) IS DISTINCT FROM
       (NEW.template_id, NEW.number, NEW.locale, NEW.author_id)
       OR (OLD.body <> NEW.body AND (OLD.status <> 'DRAFT' OR NEW.status <> 'DRAFT'))
       OR (OLD.status IN ('REJECTED', 'RETIRED') AND NEW.status <> OLD.status) THEN
        RAISE EXCEPTION 'the wording of a version is fixed once it was submitted' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER notifications_templateversion_frozen BEFORE UPDATE ON notifications_templateversion
    FOR EACH ROW EXECUTE FUNCTION notifications_freeze_wording();
"""
THAW = """
DROP TRIGGER notifications_templateversion_frozen ON notifications_templateversion;
DROP FUNCTION notifications_freeze_wording();
"""


class Migration(migrations.Migration):
    dependencies = [("notifications", "0002_tenancy")]
    operations = [
        *(
            migrations.AddField("templateversion", name, models.DateTimeField(null=True))
            for name in ("submitted_at", "decided_at", "retired_at")
        ),
        migrations.AddIndex(
            model_name="templateversion",
            index=models.Index(
                fields=["submitted_at", "id"],
                condition=models.Q(status="SUBMITTED"),
                name="notifications_template_queue",
            ),
        ),
        migrations.AddConstraint(
            model_name="templateversion",
            constraint=models.UniqueConstraint(
                fields=("template", "locale"),
                condition=models.Q(status="SUBMITTED"),
                name="notifications_templateversion_one_submitted",
            ),
        ),
        migrations.RunSQL(FREEZE, THAW),
    ]
