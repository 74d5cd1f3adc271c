"""SessionFilter: the parameters of the list, cleaned once and for every door."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from .criteria import READERS, RECORD_READERS, Criterion, together
from .login_records import Outcome, branches
from .models import Fence, Session, SessionEvent
from .models.scopes import Conditions, Reach, moving
from .models.search_text import normalise
from .search.index import LOGIN_RECORDS
from .search.outcomes import OutcomeSearch
from .search.plan import Search


class FilterField(forms.CharField):
    """A text of the filter, of so many characters at most."""

    default_error_messages = {
        "max_length": "Write %(limit_value)d characters at most, not %(show_value)d.",
        "null_characters_not_allowed": "This holds a character that is no text; leave it out.",
    }

    def __init__(self, longest: int, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=longest, **kwargs)


class SessionFilter(forms.Form):
    """A GET form that turns the parameters of the list into conditions.

    Unknown, repeated, foreign and unreadable values are errors and never
    ignored: the next click may terminate.
    """

    q = FilterField(200, label="Search")
    account = FilterField(200)
    user = FilterField(254)
    application = FilterField(200)
    country = FilterField(60)
    city = FilterField(200)
    device = FilterField(100)
    browser = FilterField(100)
    os = FilterField(50)
    address = FilterField(60)
    before = FilterField(40)
    after = FilterField(40)
    dormant = FilterField(10)
    look = FilterField(5)

    readers = READERS
    # What only this list knows.
    own_names = frozenset({"dormant", "look"})

    def __init__(self, params: QueryDict, reach: Reach) -> None:
        super().__init__(params)
        self.reach = reach
        self.params = params
        self.criteria: dict[str, Criterion] = {}

    def clean(self) -> dict[str, Any]:
        for name, values in self.params.lists():
            if name not in self.fields:
                self.add_error(None, ValidationError(f"There is no filter “{name[:60]}”.", params={"parameter": name}))
            elif len(values) > 1:
                self.add_error(name, f"The filter “{name}” is given more than once.")
        for name, text in list(self.cleaned_data.items()):
            if text:
                self._read(name, text)
        return self.cleaned_data

    def _read(self, name: str, text: str) -> None:
        try:
            # What a command line hands over that is no UTF-8, no database takes.
            text.encode()
            self.criteria[name] = self.readers[name](text, self.reach)
        except UnicodeEncodeError:
            self.add_error(name, "This holds characters that are no text; write it in UTF-8.")
        except ValidationError as error:
            self.add_error(name, error)

    @property
    def problems(self) -> dict[str, str]:
        """A sentence for each parameter that could not be read."""
        return {
            (error.params or {}).get("parameter", name): " ".join(error.messages)
            for name, errors in self.errors.as_data().items()
            for error in errors
        }

    @property
    def conditions(self) -> Conditions:
        """The conditions of a scope; empty when nothing is set."""
        return together(criterion.conditions for criterion in self.criteria.values())

    def search(self, known: Fence) -> Search[Any]:
        """Return what finds the live sessions within reach that are kept."""
        return Search(Session.objects.live(known).signed_in(), self.conditions, known.branches(self.reach))

    @property
    def short_words(self) -> list[str]:
        """The words that are too short to be sought within others."""
        several = [self.conditions, *self.conditions.get("all_of", []), *self.conditions.get("any_of", [])]
        short = [one["any_word"][0] for one in several if "any_word" in one]
        return [normalise(text) for text in short]

    @property
    def holds_elsewhere(self) -> bool:
        """Whether the other list can be filtered by this, less what it does not know."""
        box = self.criteria.get("q")
        return bool(self.criteria.keys() - self.own_names) and not (box and moving(box.conditions))

    @property
    def in_words(self) -> str:
        """What is kept, as the end of the sentence "Every session …"."""
        return " ".join(criterion.phrase for criterion in self.criteria.values())


class LoginRecordFilter(SessionFilter):
    """The filter of the list, less what a login record does not know, and with how it came out."""

    dormant = None  # type: ignore[assignment]
    look = None  # type: ignore[assignment]
    outcome = FilterField(20)
    readers = RECORD_READERS
    own_names = frozenset({"outcome"})

    def _read(self, name: str, text: str) -> None:
        super()._read(name, text)
        if name in self.criteria and moving(self.criteria[name].conditions):
            del self.criteria[name]
            self.add_error(name, "A login record does not change: it knows neither dormant: nor look:. Leave it out.")

    def search(self, known: Fence) -> Search[Any]:
        """Return what finds the login records within reach that are kept."""
        said = self.conditions, branches(self.reach), LOGIN_RECORDS
        if not self.chosen_outcome:
            return Search(SessionEvent.objects.sign_ins(), *said)
        if self.chosen_outcome == Outcome.FAILED:
            return Search(SessionEvent.objects.filter(kind=SessionEvent.Kind.SIGN_IN_FAILED), *said)
        signed_in = SessionEvent.objects.filter(kind=SessionEvent.Kind.SIGNED_IN)
        return OutcomeSearch(signed_in, *said, outcome=self.chosen_outcome, fence=known, reach=self.reach)

    @property
    def chosen_outcome(self) -> str:
        return str(self.cleaned_data.get("outcome") or "")
