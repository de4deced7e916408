"""`manage.py backup FILE`: a copy of the database that is whole, while the application goes on writing."""

import os
import sqlite3

from django.core.management.base import BaseCommand
from django.db import connection


class Command(BaseCommand):
    help = "Writes a copy of the database, while the application goes on."

    def add_arguments(self, parser):
        parser.add_argument("file")

    def handle(self, *args, **options):
        file = options["file"]
        new = f"{file}.new"
        connection.ensure_connection()
        target = sqlite3.connect(new)
        try:
            connection.connection.backup(target)
            # One file, without a journal beside it.
            target.execute("PRAGMA journal_mode=DELETE")
        finally:
            target.close()
        # The copy before is there until this one is complete.
        os.replace(new, file)
