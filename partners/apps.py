from django.apps import AppConfig


class PartnersConfig(AppConfig):
    name = "partners"

    def ready(self) -> None:
        from partners.sso.arrival import at_the_door, has_arrived, still_counts
        from portal.accounts.bank_session import ARRIVALS, GATES, WORDS

        GATES.append(at_the_door)
        ARRIVALS.append(has_arrived)
        WORDS.append(still_counts)
