from django.apps import AppConfig


class ConsentsConfig(AppConfig):
    name = "consents"

    def ready(self) -> None:
        from consents.impact import Grants
        from partners.agreement_impact import register

        register(Grants())
