from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"

    def ready(self) -> None:
        from consents.outgoing import register
        from notifications.actions.withdraw import Queue

        register(Queue())
