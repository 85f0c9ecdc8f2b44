"""What allauth has no page for."""

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST


@require_POST
@login_required
def end_session(request: HttpRequest, session: int) -> HttpResponse:
    """Signs the user out on one of their devices, at once."""
    found = get_object_or_404(UserSession, pk=session, user=request.user)
    found.end()
    messages.success(request, "Signed out there.")
    return redirect("usersessions_list")
