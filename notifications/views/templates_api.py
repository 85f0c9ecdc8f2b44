"""The API's templates: a bank's wording, from draft to review."""

from typing import Any, ClassVar

from rest_framework.request import Request

from notifications import serializers as told
from notifications.access import get_template_named_for, templates_for
from notifications.actions import templates as actions
from notifications.languages import known_language
from notifications.models import Template, TemplateVersion
from notifications.serializers import TemplateName, TemplatePreviewed, TemplateShown, TemplateVersionShown
from notifications.template_reading import MASK, sample_of
from notifications.typed_data import find_errors
from notifications.wording import render
from partners.refusals import Refused
from portal.api.errors import Problem
from portal.api.pagination import Page, PageQuery, page
from portal.api.schema import operation
from portal.api.views import ApiView
from portal.ids import public_id

_S = TemplateVersion.Status
_BALANCE = "Your account {{ account }} has {{ available }} available, as of {{ as_of }}."


class TemplateView(ApiView):
    """Refusals become problems; one for advertising is noted in the trail."""

    required_scopes: ClassVar[dict[str, str] | str] = {"POST": "templates:write"}

    def handle_exception(self, exc: Exception) -> Any:
        """What the actions say, as the API says it."""
        if isinstance(exc, actions.WordingRefused):
            if exc.is_promotion:
                actions.record_promotion(actor=self.principal, pointer="/body")
            errors = [{"pointer": "/body", "code": one.code, "detail": str(one)} for one in exc.errors]
            exc = Problem("invalid_wording", "The body breaks the rules for wording.", errors=errors)
        elif isinstance(exc, Refused):
            exc = Problem("conflict", str(exc))
        return super().handle_exception(exc)


class Templates(TemplateView):
    """`GET /templates`, `POST /templates`."""

    @operation(answer_example=told.TEMPLATES)
    def get(self, request: Request, query: PageQuery) -> Page[TemplateShown]:
        """List the templates

        The bank's wording with its review. Any token may read them; an approved version is what is sent. Templates
        have no environment: sandbox and live clients share them, so that what is tried is what will be sent.
        """
        rows = templates_for(self.principal).prefetch_related("versions")
        return page(query, rows, lambda found: [_template(row) for row in found])

    @operation(
        status=201,
        problems=("conflict", "invalid_wording"),
        examples={
            "balance": {
                "name": "balance_morning",
                "cluster": "BALANCES",
                "locale": "en",
                "body": "Good morning. You have {{ available }} now.",
            }
        },
        answer_example=told.CREATED,
    )
    def post(self, request: Request, body: told.NewTemplate) -> TemplateShown:
        """Create a template

        With its first version, a draft. Its name and its cluster stay; other words are other versions.
        """
        version = actions.draft_template(
            name=body["name"],
            cluster=body["cluster"],
            locale=_locale(body),
            body=body["body"],
            actor=self.principal,
            must_be_new=True,
        )
        return _template(version.template)


class TemplateDetail(TemplateView):
    """`GET /templates/{name}`."""

    @operation(answer_example=told.TEMPLATE)
    def get(self, request: Request, name: TemplateName) -> TemplateShown:
        """See a template

        Every version in every language, with the reason where one was rejected.
        """
        return _template(get_template_named_for(self.principal, name))


class TemplateVersions(TemplateView):
    """`POST /templates/{name}/versions`."""

    @operation(
        status=201,
        problems=("conflict", "invalid_wording"),
        examples={"english": {"locale": "en", "body": _BALANCE}},
        answer_example=told.DRAFTED,
    )
    def post(
        self, request: Request, name: TemplateName, body: told.NewTemplateVersion
    ) -> TemplateVersionShown:
        """Add a version

        A draft in one language. What was approved goes on being sent until this one is approved.
        """
        template = get_template_named_for(self.principal, name)
        return _version(
            actions.add_version(
                template_id=template.id, locale=_locale(body), body=body["body"], actor=self.principal
            )
        )


class TemplateSubmit(TemplateView):
    """`POST /templates/{name}/submit`."""

    @operation(
        problems=("conflict", "invalid_wording"),
        examples={"latest": {"locale": "en"}},
        answer_example=told.SUBMITTED,
    )
    def post(
        self, request: Request, name: TemplateName, body: told.TemplateSubmission
    ) -> TemplateVersionShown:
        """Submit a version

        Our staff read it. You hear by `template.approved` or `template.rejected`. One that still waits in the
        same language becomes a draft again.
        """
        template = get_template_named_for(self.principal, name)
        drafts = template.versions.all() if body.get("number") else template.versions.filter(status=_S.DRAFT)
        version = _find(drafts, _locale(body), body.get("number"))
        if version is None:
            raise Refused("There is no such draft to submit.")
        return _version(actions.submit_template(version_id=version.id, actor=self.principal))


class TemplatePreview(TemplateView):
    """`POST /templates/{name}/preview`."""

    @operation(
        problems=("conflict", "invalid_data"),
        examples={"with an example's data": {"locale": "en"}},
        answer_example=told.PREVIEWED,
    )
    def post(self, request: Request, name: TemplateName, body: told.TemplatePreview) -> TemplatePreviewed:
        """Preview a version

        The text as the phone would show it. Nothing is sent, and nothing is kept.
        """
        template = get_template_named_for(self.principal, name)
        version = _find(template.versions.all(), _locale(body), body.get("number"))
        if version is None:
            raise Refused("There is no such version.")
        data = body.get("data")
        if data is None:
            data = sample_of(template.cluster)
        elif errors := find_errors(template.cluster, data):
            says = f"The data is not what {template.cluster} asks for."
            raise Problem("invalid_data", says, errors=[vars(error) for error in errors])
        return {
            "number": version.number,
            "locale": version.locale,
            "status": version.status,
            "text": render(version.body, data, locale=version.locale, mask=MASK),
        }


def _locale(body: Any) -> str:
    return known_language(body.get("locale") or "en")


def _find(rows: Any, locale: str, number: int | None) -> TemplateVersion | None:
    rows = rows.filter(locale=locale, **({"number": number} if number else {}))
    found: TemplateVersion | None = rows.order_by("-number").first()
    return found


def _template(template: Template) -> TemplateShown:
    versions = sorted(template.versions.all(), key=lambda one: (one.locale, one.number))
    return {
        "id": public_id("tpl", template.id),
        "name": template.name,
        "cluster": template.cluster,
        "versions": [_version(one) for one in versions],
    }


def _version(version: TemplateVersion) -> TemplateVersionShown:
    return {
        "number": version.number,
        "locale": version.locale,
        "status": version.status,
        "body": version.body,
        "reason": version.reason or None,
    }
