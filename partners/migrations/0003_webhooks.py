import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import portal.ids
from django.db import migrations, models

from portal.tenancy.operations import reference_within_tenant, tenant_table


class Migration(migrations.Migration):

    dependencies = [
        ('partners', '0002_tenancy'),
    ]

    operations = [
        migrations.CreateModel(
            name='WebhookEndpoint',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('environment', models.CharField(choices=[('sandbox', 'Sandbox'), ('live', 'Live')], max_length=8)),
                ('kind', models.CharField(choices=[('url', 'Url'), ('inbox', 'Inbox')], default='url', max_length=5)),
                ('url', models.CharField(blank=True, max_length=2000)),
                ('description', models.CharField(blank=True, max_length=200)),
                ('event_types', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), default=list, size=None)),
                ('status', models.CharField(choices=[('ENABLED', 'Enabled'), ('DISABLED', 'Disabled')], default='ENABLED', max_length=8)),
                ('status_reason', models.CharField(blank=True, choices=[('by_team', 'Your team disabled it.'), ('gone', 'It answered 410 Gone, which asks us to stop.'), ('failing', 'Everything we sent it for five days failed.'), ('challenge', 'It never gave the right answer to its challenge.')], max_length=10)),
                ('status_changed_at', models.DateTimeField(auto_now_add=True)),
                ('secret', models.BinaryField()),
                ('secret_changed_at', models.DateTimeField(auto_now_add=True)),
                ('old_secret', models.BinaryField(null=True)),
                ('old_secret_until', models.DateTimeField(null=True)),
                ('challenge_id', models.UUIDField(null=True)),
                ('verified_at', models.DateTimeField(null=True)),
                ('rate_per_second', models.PositiveIntegerField(default=50)),
                ('rate_due', models.DateTimeField(null=True)),
                ('claimed_at', models.DateTimeField(null=True)),
                ('held_until', models.DateTimeField(null=True)),
                ('delivered_at', models.DateTimeField(null=True)),
                ('failed_at', models.DateTimeField(null=True)),
                ('failing_since', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('deleted_at', models.DateTimeField(null=True)),
                ('partner', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='partners.partner')),
            ],
        ),
        migrations.CreateModel(
            name='WebhookMessage',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('environment', models.CharField(choices=[('sandbox', 'Sandbox'), ('live', 'Live')], max_length=8)),
                ('type', models.CharField(max_length=40)),
                ('grant_id', models.UUIDField(null=True)),
                ('person_id', models.UUIDField(null=True)),
                ('sequence', models.BigIntegerField(null=True)),
                ('data', models.BinaryField()),
                ('created_at', models.DateTimeField()),
                ('partner', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='partners.partner')),
            ],
        ),
        migrations.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('id', models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('environment', models.CharField(choices=[('sandbox', 'Sandbox'), ('live', 'Live')], max_length=8)),
                ('grant_id', models.UUIDField(null=True)),
                ('sequence', models.BigIntegerField(null=True)),
                ('status', models.CharField(choices=[('PENDING', 'Pending'), ('DELIVERED', 'Delivered'), ('FAILED', 'Failed')], default='PENDING', max_length=9)),
                ('reason', models.CharField(blank=True, max_length=20)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('next_attempt_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('lease_until', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('partner', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='partners.partner')),
                ('endpoint', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, to='partners.webhookendpoint')),
                ('message', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, to='partners.webhookmessage')),
            ],
        ),
        migrations.CreateModel(
            name='WebhookSequence',
            fields=[
                ('grant_id', models.UUIDField(primary_key=True, serialize=False)),
                ('last', models.BigIntegerField()),
                ('partner', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='partners.partner')),
            ],
        ),
        migrations.CreateModel(
            name='WebhookAttempt',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
                ('duration_ms', models.PositiveIntegerField()),
                ('url', models.CharField(max_length=2000)),
                ('signature', models.CharField(max_length=60)),
                ('response_status', models.PositiveSmallIntegerField(null=True)),
                ('response', models.BinaryField()),
                ('error', models.CharField(blank=True, max_length=200)),
                ('next_attempt_at', models.DateTimeField(null=True)),
                ('partner', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='partners.partner')),
                ('delivery', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='log', to='partners.webhookdelivery')),
            ],
            options={
                'indexes': [models.Index(fields=['delivery', 'id'], name='partners_webhook_attempts')],
            },
        ),
        migrations.AddIndex(
            model_name='webhookendpoint',
            index=models.Index(condition=models.Q(('deleted_at__isnull', True)), fields=['partner', 'environment', '-id'], name='partners_webhook_list'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(fields=['endpoint', '-id'], name='partners_webhook_log'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(condition=models.Q(('status', 'PENDING')), fields=['endpoint', 'next_attempt_at'], name='partners_webhook_due'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(condition=models.Q(('grant_id__isnull', False), ('status', 'PENDING')), fields=['endpoint', 'grant_id', 'sequence'], name='partners_webhook_order'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(condition=models.Q(('lease_until__isnull', False)), fields=['endpoint'], name='partners_webhook_leased'),
        ),
        tenant_table(
            "partners_webhookendpoint", environment="environment", partner_may="SELECT", staff_may=""
        ),
        tenant_table(
            "partners_webhookmessage", environment="environment", partner_may="SELECT", staff_may="", worker_may="SELECT, INSERT, DELETE"
        ),
        tenant_table("partners_webhookdelivery", environment="environment", partner_may="SELECT", staff_may=""),
        tenant_table("partners_webhookattempt", partner_may="SELECT", staff_may="", worker_may="SELECT, INSERT, DELETE"),
        tenant_table("partners_webhooksequence", partner_may="", staff_may="", worker_may="SELECT, INSERT, UPDATE"),
        reference_within_tenant("partners_webhookdelivery", "endpoint_id", "partners_webhookendpoint"),
        reference_within_tenant("partners_webhookdelivery", "message_id", "partners_webhookmessage"),
        reference_within_tenant("partners_webhookattempt", "delivery_id", "partners_webhookdelivery"),
    ]
