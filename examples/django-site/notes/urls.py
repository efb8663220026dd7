from django.urls import path

from . import views

urlpatterns = [
    path("", views.index, name="index"),
    path("notes/<str:slug>/", views.note, name="note"),
    path("notes/<str:slug>/file", views.note_file, name="note-file"),
]
