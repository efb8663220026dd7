from django.contrib import admin

from .models import Note


@admin.register(Note)
class NoteAdmin(admin.ModelAdmin):
    list_display = ["title", "changed"]
    search_fields = ["title", "text"]
    prepopulated_fields = {"slug": ["title"]}
