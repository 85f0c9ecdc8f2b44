import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import portal.ids
from portal.tenancy.operations import reference_within_tenant, tenant_table


class Migration(migrations.Migration):

    dependencies = [
        ('partners', '0003_webhooks'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveField(
            model_name='partner',
            name='recommended_by',
        ),
        migrations.CreateModel(
            name='ReviewMessage',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('is_by_bank', models.BooleanField()),
                ('author_id', models.UUIDField()),
                ('author_name', models.CharField(max_length=150)),
                ('text', models.CharField(max_length=4000)),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('partner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='partners.partner')),
            ],
        ),
        migrations.CreateModel(
            name='ReviewNote',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('author_id', models.UUIDField()),
                ('author_name', models.CharField(max_length=150)),
                ('text', models.CharField(max_length=4000)),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('partner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='partners.partner')),
            ],
        ),
        migrations.CreateModel(
            name='Submission',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveIntegerField()),
                ('is_renewal', models.BooleanField(default=False)),
                ('content', models.JSONField()),
                ('contacts', models.BinaryField()),
                ('digest', models.CharField(max_length=64)),
                ('submitted_by', models.UUIDField()),
                ('submitted_at', models.DateTimeField(auto_now_add=True)),
                ('status', models.CharField(choices=[('WAITING', 'Waiting'), ('IN_REVIEW', 'In Review'), ('MORE_ASKED', 'More Asked'), ('DECLINED', 'Declined'), ('APPROVED', 'Approved')], default='WAITING', max_length=10)),
                ('deferred_until', models.DateField(null=True)),
                ('partner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='partners.partner')),
                ('reviewer', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='ReviewDecision',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('digest', models.CharField(max_length=64)),
                ('kind', models.CharField(choices=[('RECOMMENDED', 'Recommended'), ('APPROVED', 'Approved'), ('MORE_ASKED', 'More Asked'), ('DEFERRED', 'Deferred'), ('DECLINED', 'Declined')], max_length=11)),
                ('by_id', models.UUIDField()),
                ('by_name', models.CharField(max_length=150)),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('words', models.CharField(blank=True, max_length=2000)),
                ('reasons', models.JSONField(default=dict)),
                ('partner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='partners.partner')),
                ('submission', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='partners.submission')),
            ],
        ),
        migrations.CreateModel(
            name='Verification',
            fields=[
                ('partner', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, serialize=False, to='partners.partner')),
                ('version', models.PositiveIntegerField(default=0)),
                ('legal_name', models.CharField(blank=True, max_length=200)),
                ('country', models.CharField(blank=True, max_length=2)),
                ('regulator', models.CharField(blank=True, max_length=120)),
                ('licence', models.CharField(blank=True, max_length=60)),
                ('lei', models.CharField(blank=True, max_length=20)),
                ('contacts', models.BinaryField(default=b'')),
                ('answers', models.JSONField(default=dict)),
                ('questions_version', models.PositiveSmallIntegerField(default=0)),
                ('is_claimed', models.BooleanField(default=False)),
                ('proven_at', models.DateTimeField(null=True)),
                ('proven_by', models.CharField(blank=True, choices=[('dns', 'Dns'), ('file', 'File'), ('hand', 'Hand')], max_length=4)),
                ('proof_reason', models.CharField(blank=True, max_length=500)),
                ('checked_at', models.DateTimeField(null=True)),
                ('finding', models.CharField(blank=True, max_length=300)),
                ('recertify_on', models.DateField(null=True)),
                ('reopened_at', models.DateTimeField(null=True)),
                ('reminders', models.PositiveSmallIntegerField(default=0)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('recertify_on__isnull', False)), fields=['recertify_on'], name='partners_verification_due')],
                'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('regulator'), django.db.models.functions.text.Lower('licence'), condition=models.Q(('is_claimed', True)), name='partners_verification_licence'), models.UniqueConstraint(condition=models.Q(('is_claimed', True)), fields=('lei',), name='partners_verification_lei')],
            },
        ),
        migrations.CreateModel(
            name='VerificationDocument',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('licence', 'Licence, or extract from the regulator’s register'), ('authority', 'Who may sign for the bank'), ('policy', 'Security policy'), ('certificate', 'Certificate or report of a test'), ('other', 'Something else')], max_length=12)),
                ('name', models.CharField(max_length=120)),
                ('media_type', models.CharField(max_length=20)),
                ('size', models.PositiveIntegerField()),
                ('sha256', models.CharField(max_length=64)),
                ('sealed', models.BinaryField()),
                ('uploaded_by', models.UUIDField()),
                ('uploaded_at', models.DateTimeField(auto_now_add=True)),
                ('frozen_at', models.DateTimeField(null=True)),
                ('removed_at', models.DateTimeField(null=True)),
                ('partner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='partners.partner')),
            ],
        ),
        migrations.AddIndex(
            model_name='submission',
            index=models.Index(condition=models.Q(('status__in', ['WAITING', 'IN_REVIEW'])), fields=['id'], name='partners_submission_queue'),
        ),
        migrations.AddConstraint(
            model_name='submission',
            constraint=models.UniqueConstraint(fields=('partner', 'number'), name='partners_submission_number'),
        ),
        migrations.AddConstraint(
            model_name='submission',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['WAITING', 'IN_REVIEW'])), fields=('partner',), name='partners_submission_one_open'),
        ),
        migrations.AddConstraint(
            model_name='reviewdecision',
            constraint=models.UniqueConstraint(condition=models.Q(('kind__in', ['RECOMMENDED', 'APPROVED'])), fields=('submission', 'by_id'), name='partners_reviewdecision_two_people'),
        ),
        migrations.AddConstraint(
            model_name='reviewdecision',
            constraint=models.UniqueConstraint(condition=models.Q(('kind__in', ['RECOMMENDED', 'APPROVED'])), fields=('submission', 'kind'), name='partners_reviewdecision_once'),
        ),
        # What banks and staff see they change by the actions alone, which act as the system
        tenant_table("partners_verification", partner_may="SELECT"),
        tenant_table("partners_verificationdocument", partner_may="SELECT"),
        tenant_table("partners_submission", partner_may="SELECT", worker_may="SELECT, INSERT"),
        tenant_table("partners_reviewdecision", partner_may="SELECT", worker_may="SELECT, INSERT"),
        tenant_table("partners_reviewmessage", partner_may="SELECT", worker_may="SELECT, INSERT"),
        tenant_table("partners_reviewnote", partner_may="", worker_may="SELECT, INSERT"),
        reference_within_tenant("partners_reviewdecision", "submission_id", "partners_submission"),
        # What was submitted stays as it was, and a decision is about that and nothing else
        migrations.RunSQL(
            """
            GRANT UPDATE (status, reviewer_id, deferred_until) ON partners_submission TO parley_worker;
            ALTER TABLE partners_submission
                ADD CONSTRAINT partners_submission_id_digest UNIQUE (id, partner_id, digest);
            ALTER TABLE partners_reviewdecision ADD CONSTRAINT partners_reviewdecision_same_digest
                FOREIGN KEY (submission_id, partner_id, digest)
                REFERENCES partners_submission (id, partner_id, digest)
            """,
            migrations.RunSQL.noop,
        ),
        # A review that began before anything could be handed in begins again
        migrations.RunSQL(
            "UPDATE partners_partner SET status = 'DRAFT'"
            " WHERE status IN ('PENDING_REVIEW', 'IN_REVIEW', 'MORE_INFORMATION_NEEDED')",
            migrations.RunSQL.noop,
        ),
        # Whoever was approved before is asked for a statement within a year
        migrations.RunSQL(
            """
            INSERT INTO partners_verification (
                partner_id, version, legal_name, country, regulator, licence, lei, contacts, answers,
                questions_version, is_claimed, proven_by, proof_reason, finding, recertify_on, reminders
            )
            SELECT id, 0, '', '', '', '', '', '', '{}', 0, false, '', '', '', current_date + 365, 0
            FROM partners_partner WHERE status IN ('APPROVED', 'ACTIVE', 'SUSPENDED')
            """,
            migrations.RunSQL.noop,
        ),
    ]
