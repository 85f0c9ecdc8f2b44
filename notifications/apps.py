from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"

    def ready(self) -> None:
        from consents.linking import register_platform
        from notifications.actions.withdraw import Queue
        from notifications.channels.messenger.linking import MessengerLinking
        from partners.outgoing import register

        register(Queue())
        register_platform("messenger", MessengerLinking())
