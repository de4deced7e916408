"""`manage.py healthcheck`: asks the server in this container whether it is well."""

from urllib.error import URLError
from urllib.request import urlopen

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Asks the server in this container whether it is well."
    requires_system_checks = []

    def handle(self, *args, **options):
        try:
            urlopen("http://127.0.0.1:8000/healthz", timeout=5).close()
        except URLError as error:
            raise CommandError(str(error)) from error
