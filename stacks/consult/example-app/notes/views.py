"""Notes are shown, and left by POST."""

from django.conf import settings
from django.db import connection
from django.http import HttpResponse, HttpResponseBadRequest, JsonResponse
from django.views.decorators.http import require_http_methods, require_safe

from .models import Note

SHOWN = 100


@require_http_methods(["GET", "HEAD", "POST"])
def notes(request):
    """The version that runs and the latest notes; a POST with `text` leaves one first."""
    if request.method == "POST":
        text = request.POST.get("text", "").strip()
        if not 0 < len(text) <= 200:
            return HttpResponseBadRequest("A note has 1 to 200 characters.\n")
        Note.objects.create(text=text)
    found = Note.objects.order_by("-id").values_list("text", flat=True)[:SHOWN]
    return JsonResponse({"version": settings.VERSION, "notes": list(found)})


@require_safe
def healthz(request):
    """Well means that the database answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse(f"{settings.VERSION}\n", content_type="text/plain")
