"""A receipt as a person reads it: the same words on its page, in its PDF and (the first of them) in the chat."""

import json

from django.conf import settings
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from consents.models import Grant
from consents.receipts import COMPLAINTS, Receipt, as_json
from consents.records import REDUCED
from consents.route import chat_words, route_sentences
from partners.clusters import Cluster
from partners.pdf import new_document, write
from portal.countries import country_names
from portal.design.moments import exact
from portal.design.states import KINDS
from portal.ids import public_id
from portal.tenancy.principal import Kind

Fact = tuple[str, list[str]]


def headline(receipt: Receipt) -> str:
    """What was decided, and by whom."""
    bank = receipt.grant.partner.name
    if receipt.event == "ConsentGiven":
        return _("You allowed {bank} to send you messages").format(bank=bank)
    if receipt.event == REDUCED:
        text = _("What {bank} may send you was reduced: some of it was not used, or a chat is gone")
        return text.format(bank=bank)
    if not receipt.is_end:
        return _("You confirmed or changed what {bank} may send you").format(bank=bank)
    return end_headline(receipt.grant)


def end_headline(grant: Grant) -> str:
    """The same of an end."""
    sentences: dict[tuple[str, str], str] = {
        ("REVOKED", Kind.PERSON): _("You disconnected {bank}"),
        ("REVOKED", Kind.CLIENT): _("{bank} ended your connection"),
        ("REVOKED", Kind.STAFF): _("Parley ended your connection with {bank}"),
        ("EXPIRED", Kind.SYSTEM): _("Your connection with {bank} came to its end"),
    }
    sentence = sentences.get((grant.status, grant.ended_by), _("Your connection with {bank} ended"))
    return sentence.format(bank=grant.partner.name)


def facts(receipt: Receipt) -> list[Fact]:
    """(title, lines), in the order in which they are read."""
    ends = _end_facts(receipt) if receipt.is_end else _terms(receipt)
    return [
        (_("Reference"), [receipt.reference]),
        (_("When"), [exact(receipt.at)]),
        *ends,
        (_("How to complain"), [_complaints()]),
        (_("Consent record"), [public_id("rec", receipt.record.id)]),
        (_("Find it again"), [receipt.url]),
    ]


def _terms(receipt: Receipt) -> list[Fact]:
    record, bank = receipt.record, receipt.grant.partner.name
    days = record.retention_days
    channel = " / ".join(one.title() for one in record.recipients or [receipt.grant.account.channel])
    period = _("once, until {moment}") if record.is_once else _("until {moment}")
    return [
        (_("Who sends, and who carries it"), record.controllers or [bank]),
        (_("What"), [f"{Cluster(one).label}: {KINDS[one].purpose}" for one in record.clusters]),
        (_("Accounts"), _accounts(receipt)),
        *([(_("Where it arrives"), route_sentences(chat_words(receipt.chats)))] if receipt.chats else []),
        (_("How long"), [period.format(moment=exact(record.valid_until))]),
        (_("Who else sees it"), [_("Nobody. {channel} carries the messages.").format(channel=channel)]),
        (
            _("How long it is kept"),
            [
                ngettext(
                    "{days} day, by the bank’s agreement", "{days} days, by the bank’s agreement", days
                ).format(days=days)
            ],
        ),
        *(
            [(_("Where it is kept"), [country_names(record.storage_locations)])]
            if record.storage_locations
            else []
        ),
        (
            _("How to stop"),
            [
                _(
                    "Disconnect on the page of your connected banks, or write STOP in the chat. Both work at once."
                )
            ],
        ),
        (_("Agreement"), [record.agreement]),
        (_("Privacy notice"), [record.privacy_notice or f"{settings.BASE_URL}/privacy"]),
        (_("SHA-256 of what you were shown"), [record.disclosure_sha256]),
    ]


def _end_facts(receipt: Receipt) -> list[Fact]:
    channel = receipt.grant.account.channel.title()
    return [
        (_("What stopped"), [str(Cluster(one).label) for one in receipt.record.clusters]),
        (_("Accounts"), _accounts(receipt)),
        (
            _("What it means"),
            [
                _("From that moment nothing more begins to be sent, and what waited is not sent."),
                _("What {channel} had already been given may still arrive.").format(channel=channel),
                _("The bank was told in the same step. Your accounts there are as they were."),
            ],
        ),
    ]


def _accounts(receipt: Receipt) -> list[str]:
    return [f"{one['type']} {one['mask']}" for one in receipt.accounts] or [_("Erased")]


def _complaints() -> str:
    address = f"{settings.BASE_URL}{COMPLAINTS}"
    return _("Write to us at {address}, or to the authority for data protection where you live.").format(
        address=address
    )


def receipt_pdf(receipt: Receipt) -> bytes:
    """To print or keep, with the machine's form attached."""
    pdf = new_document(headline(receipt), receipt.at, language=get_language() or "en")
    write(pdf, headline(receipt), size=14)
    pdf.ln(3)
    for title, lines in facts(receipt):
        write(pdf, title, size=8)
        for line in lines:
            write(pdf, line)
        pdf.ln(2)
    if receipt.disclosure and not receipt.is_end:
        write(pdf, _("What you were shown"), size=12)
        write(pdf, receipt.disclosure)
    attached = json.dumps(as_json(receipt), indent=2, ensure_ascii=False).encode()
    pdf.embed_file(bytes=attached, basename=f"{receipt.reference}.json", creation_date=receipt.at)
    return bytes(pdf.output())
