"""Fields of forms in which an account or an application is chosen."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Model

from .models.plain_text import plainly


class NamedChoiceField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Choose one by its slug; names are shown with what cannot be seen written out."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, to_field_name="slug", **kwargs)

    def label_from_instance(self, obj: Model) -> str:
        return plainly(str(obj))

    def to_python(self, value: Any) -> Any:
        # No database is asked for what none could hold.
        return super().to_python(str(value or "").strip().replace("\0", ""))
