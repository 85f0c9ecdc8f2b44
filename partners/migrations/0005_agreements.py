import django.db.models.deletion
import django.utils.timezone
import portal.ids
from django.db import migrations, models

from portal.tenancy.operations import reference_within_tenant, tenant_table


class Migration(migrations.Migration):

    dependencies = [
        ('partners', '0004_verification'),
    ]

    operations = [
        migrations.CreateModel(
            name='AgreementTermination',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('ends_at', models.DateTimeField(null=True)),
                ('reason', models.CharField(max_length=1000)),
                ('asked_by', models.UUIDField()),
                ('asked_at', models.DateTimeField(auto_now_add=True)),
                ('decided_by', models.UUIDField(null=True)),
                ('decided_at', models.DateTimeField(null=True)),
                ('is_confirmed', models.BooleanField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name='agreementversion',
            name='comments',
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name='agreementversion',
            name='ending',
            field=models.CharField(blank=True, choices=[('declined', 'Declined'), ('withdrawn', 'Withdrawn'), ('notice', 'Notice'), ('cause', 'Cause'), ('term', 'Term')], max_length=10),
        ),
        migrations.AddField(
            model_name='agreementversion',
            name='ending_by',
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name='agreementversion',
            name='ending_reason',
            field=models.CharField(blank=True, max_length=1000),
        ),
        migrations.AddField(
            model_name='agreementversion',
            name='ends_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='agreementversion',
            name='ends_on',
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name='agreementversion',
            name='is_by_bank',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='agreementversion',
            name='offered_at',
            field=models.DateTimeField(default=django.utils.timezone.now),
        ),
        migrations.AddField(
            model_name='agreementversion',
            name='reminded_days',
            field=models.PositiveSmallIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='agreementversion',
            name='starts_on',
            field=models.DateField(null=True),
        ),
        migrations.CreateModel(
            name='AgreementSignature',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('side', models.CharField(choices=[('bank', 'Bank'), ('platform', 'Platform')], max_length=8)),
                ('user_id', models.UUIDField()),
                ('name', models.CharField(max_length=120)),
                ('email', models.EmailField(max_length=254)),
                ('at', models.DateTimeField()),
                ('ip', models.GenericIPAddressField(null=True)),
                ('browser', models.CharField(blank=True, max_length=300)),
                ('text_sha256', models.CharField(max_length=64)),
                ('partner', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='partners.partner')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='signatures', to='partners.agreementversion')),
            ],
        ),
        migrations.CreateModel(
            name='AgreementTemplate',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=80)),
                ('number', models.PositiveIntegerField()),
                ('clauses', models.JSONField()),
                ('terms', models.JSONField()),
                ('made_by', models.UUIDField()),
                ('made_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('name', 'number'), name='partners_agreementtemplate_number')],
            },
        ),
        migrations.AddField(
            model_name='agreementversion',
            name='template',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to='partners.agreementtemplate'),
        ),
        migrations.AddIndex(
            model_name='agreementversion',
            index=models.Index(fields=['partner', '-id'], name='partners_agreement_history'),
        ),
        migrations.AddConstraint(
            model_name='agreementversion',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['DRAFT', 'OFFERED', 'COUNTERED', 'ACCEPTED', 'AGREED'])), fields=('partner',), name='partners_agreementversion_one_open'),
        ),
        migrations.AddConstraint(
            model_name='agreementversion',
            constraint=models.CheckConstraint(condition=models.Q(('in_force_from', None), models.Q(('accepted_by__isnull', False), ('countersigned_by__isnull', False), models.Q(('accepted_by', models.F('countersigned_by')), _negated=True), models.Q(('offered_by', models.F('countersigned_by')), _negated=True)), _connector='OR'), name='partners_agreementversion_signed_by_two'),
        ),
        migrations.AddField(
            model_name='agreementtermination',
            name='partner',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='partners.partner'),
        ),
        migrations.AddField(
            model_name='agreementtermination',
            name='version',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='terminations', to='partners.agreementversion'),
        ),
        migrations.AddConstraint(
            model_name='agreementsignature',
            constraint=models.UniqueConstraint(fields=('version', 'side'), name='partners_agreementsignature_side'),
        ),
        migrations.AddConstraint(
            model_name='agreementsignature',
            constraint=models.UniqueConstraint(fields=('version', 'user_id'), name='partners_agreementsignature_two'),
        ),
        migrations.AddConstraint(
            model_name='agreementtermination',
            constraint=models.UniqueConstraint(condition=models.Q(('decided_at', None)), fields=('version',), name='partners_agreementtermination_one_open'),
        ),
        migrations.AddConstraint(
            model_name='agreementtermination',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('is_confirmed', True), _negated=True), models.Q(('asked_by', models.F('decided_by')), _negated=True), _connector='OR'), name='partners_agreementtermination_by_two'),
        ),
        tenant_table("partners_agreementtemplate", partner_may=""),
        tenant_table("partners_agreementsignature", partner_may="SELECT", worker_may="SELECT, INSERT"),
        tenant_table("partners_agreementtermination", partner_may="SELECT", worker_may="SELECT, INSERT, UPDATE"),
        reference_within_tenant("partners_agreementsignature", "version_id", "partners_agreementversion"),
        reference_within_tenant("partners_agreementtermination", "version_id", "partners_agreementversion"),
        # Agreements are changed by the actions alone, which act as the system
        migrations.RunSQL(
            """
            REVOKE UPDATE ON partners_agreementversion FROM parley_partner;
            REVOKE INSERT, UPDATE ON partners_agreementversion FROM parley_staff;
            REVOKE INSERT ON partners_agreement FROM parley_staff
            """,
            migrations.RunSQL.noop,
        ),
        # A signature is of the version's text and of no other
        migrations.RunSQL(
            """
            ALTER TABLE partners_agreementversion
                ADD CONSTRAINT partners_agreementversion_id_text UNIQUE (id, partner_id, text_sha256);
            ALTER TABLE partners_agreementsignature ADD CONSTRAINT partners_agreementsignature_same_text
                FOREIGN KEY (version_id, partner_id, text_sha256)
                REFERENCES partners_agreementversion (id, partner_id, text_sha256)
            """,
            migrations.RunSQL.noop,
        ),
    ]
