from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"

    def ready(self) -> None:
        from notifications.actions.withdraw import Queue
        from partners.outgoing import register

        register(Queue())
