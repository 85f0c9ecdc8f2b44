from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"

    def ready(self) -> None:
        from consents.aside import register_carrier
        from consents.linking import register_platform
        from notifications.actions.aside import queue_aside, queue_forgetting
        from notifications.actions.withdraw import Queue
        from notifications.channels.messenger.check import check_page
        from notifications.channels.messenger.linking import MessengerLinking
        from notifications.consequences import people, waiting
        from notifications.production import approved_template, urgent_task, urgent_test
        from notifications.template_reading import template_task, waiting_wording
        from partners.consequences import add_counters
        from partners.due import add_tasks
        from partners.outgoing import register
        from partners.production import add_judges
        from partners.sender_checks import register_check
        from partners.waiting import add_counts

        register(Queue())
        register_carrier(queue_aside, queue_forgetting)
        add_tasks(template_task, urgent_task)
        register_platform("messenger", MessengerLinking())
        add_counters(people, waiting)
        register_check("messenger", check_page)
        add_judges(approved_template, urgent_test)
        add_counts(waiting_wording)
