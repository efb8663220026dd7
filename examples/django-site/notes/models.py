from django.db import models
from django.urls import reverse


class Note(models.Model):
    """A title, a text, and maybe a file."""

    title = models.CharField(max_length=200)
    slug = models.SlugField(max_length=200, unique=True, allow_unicode=True)
    text = models.TextField(blank=True)
    file = models.FileField(upload_to="notes/", blank=True)
    changed = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-changed", "-pk"]

    def __str__(self):
        return self.title

    def get_absolute_url(self):
        return reverse("note", args=[self.slug])
