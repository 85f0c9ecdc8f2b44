"""What going live asks of a bank's templates and of a first message."""

from django.urls import reverse

from notifications.models import Delivery, Lane, TemplateVersion
from partners.clusters import Environment
from partners.due import Task, When
from partners.models import Partner, Production
from partners.production import Condition


def approved_template(partner: Partner) -> Condition:
    """Wording that has passed the review."""
    is_met = TemplateVersion.objects.filter(partner=partner, status=TemplateVersion.Status.APPROVED).exists()
    how = "It can be sent." if is_met else "Write a template and submit it for review."
    return Condition("A template is approved", is_met, how, reverse("member-templates", args=[partner.slug]))


def urgent_test(partner: Partner) -> Condition:
    """A fraud alert on the sandbox's phone: the lane that must never wait."""
    is_met = Delivery.objects.filter(
        partner=partner,
        environment=Environment.SANDBOX,
        lane=Lane.URGENT,
        status__in=[Delivery.Status.DELIVERED, Delivery.Status.READ],
    ).exists()
    how = (
        "It reached the phone."
        if is_met
        else "Send a fraud alert with a sandbox client and see it delivered."
    )
    page = f"{reverse('member-deliveries', args=[partner.slug])}?environment=sandbox"
    return Condition("An urgent test was delivered in the sandbox", is_met, how, page)


def urgent_task(partner: Partner) -> Task:
    """The same on the home page, until the bank is live."""
    found = urgent_test(partner)
    is_live = Production.objects.filter(partner=partner, enabled_at__isnull=False)
    when = When.DONE if found.is_met or is_live.exists() else When.NOW
    return Task(
        "Deliver an urgent test in the sandbox", when, found.url, "" if when is When.DONE else found.how
    )
