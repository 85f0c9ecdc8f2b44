from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TenancyConfig(AppConfig):
    name = "portal.tenancy"
    label = "tenancy"

    def ready(self) -> None:
        from portal.tenancy.shared_tables import grant_shared_tables

        post_migrate.connect(grant_shared_tables, sender=self)
