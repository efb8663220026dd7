from pathlib import PurePath

from django.http import FileResponse, Http404
from django.shortcuts import get_object_or_404, render

from .models import Note


def index(request):
    words = request.GET.get("q", "")
    notes = Note.objects.all()
    if words:
        notes = notes.filter(title__icontains=words)
    return render(request, "notes/index.html", {"notes": notes[:100], "words": words})


def note(request, slug):
    return render(request, "notes/note.html", {"note": get_object_or_404(Note, slug=slug)})


def note_file(request, slug):
    """The upload; wend sends it with sendfile, because the answer is a file_wrapper."""
    found = get_object_or_404(Note, slug=slug)
    if not found.file:
        raise Http404("this note has no file")
    return FileResponse(found.file.open("rb"), as_attachment=True,
                        filename=PurePath(found.file.name).name)
