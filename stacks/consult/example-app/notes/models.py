"""What the example keeps."""

from django.db import models


class Note(models.Model):
    """A line that a visitor has left."""

    text = models.CharField(max_length=200)
    made_at = models.DateTimeField(auto_now_add=True)
