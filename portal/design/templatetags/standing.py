"""`{% load standing %}`: what stopped a bank, for the pages of its members."""

from django import template

from partners.models import Partner, Stop

register = template.Library()


@register.simple_tag
def stop_of(partner: Partner) -> Stop | None:
    """The stop in force; asked for only where the bank's state says there is one."""
    if partner.status not in Stop.Kind.values:
        return None
    return Stop.objects.filter(partner=partner, lifted_at=None).first()
