"""How pages and messages say moments and lengths of time."""

from datetime import date, datetime, timedelta
from html import escape

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from .limits import End

RELATIVE_UNTIL = timedelta(days=1)
MONTHS = ["", *(f"{date(2000, month, 1):%B}" for month in range(1, 13))]


def exact(moment: datetime) -> str:
    """Return the moment in the reader's zone, such as "12 March 2026, 10:04"."""
    return _exact(timezone.localtime(moment))


def _exact(local: datetime) -> str:
    # Django's own format() takes eight times as long, a hundred times a page.
    return f"{local.day} {MONTHS[local.month]} {local.year}, {_clock(local)}"


def _clock(local: datetime) -> str:
    return f"{local.hour:02}:{local.minute:02}"


def exact_with_zone(moment: datetime) -> str:
    """Return the moment where no page says its zone, such as "12 March 2026, 10:04 (Europe/Berlin)"."""
    return f"{exact(moment)} ({timezone.get_current_timezone_name()})"


def roughly(span: timedelta) -> str:
    """Return the length of time in its one largest unit, such as "9 s" or "4 min"."""
    seconds = max(0, round(span.total_seconds()))
    if seconds < 90:
        return f"{seconds} s"
    if seconds < 5_400:
        return f"{round(seconds / 60)} min"
    return f"{round(seconds / 3_600):,} h" if seconds < 36 * 3_600 else f"{round(seconds / 86_400):,} days"


def after(later: datetime, earlier: datetime) -> str:
    return f"{roughly(later - earlier)} after"


def local_input(text: str) -> str:
    """Return an ISO instant as a datetime-local field of the reader's zone holds it."""
    return f"{timezone.localtime(datetime.fromisoformat(text)):%Y-%m-%dT%H:%M}" if text else ""


def ago(moment: datetime, before: str = "") -> SafeString:
    """Return the time element of a moment: relative in the row, exact in its title and for screen readers."""
    local = timezone.localtime(moment)
    exactly = _exact(local)
    # What is put together here from numbers and names of months holds nothing that HTML knows.
    return SafeString(
        f'<time datetime="{moment.isoformat(timespec="seconds")}" title="{exactly}">'
        f'{escape(before)}{_relatively(local)}<span class="vh">, {exactly}</span></time>'
    )


def when(moment: datetime) -> SafeString:
    """Return the time element of what lies back: day and time of day and, of the last day, how long ago."""
    local = timezone.localtime(moment)
    exactly, days = _exact(local), (timezone.localdate() - local.date()).days
    year = f" {local.year}" if days > 300 else ""
    day = {0: "Today ", 1: "Yesterday "}.get(days, f"{local.day} {MONTHS[local.month]}{year}, ")
    since = f"<small>{_relatively(local)}</small>" if timezone.now() - local < RELATIVE_UNTIL else ""
    return SafeString(
        f'<time datetime="{moment.isoformat(timespec="seconds")}" title="{exactly}">'
        f'{day}{_clock(local)}<span class="vh">, {exactly}</span></time>{since}'
    )


def _relatively(local: datetime) -> str:
    since = timezone.now() - local
    minutes = int(since.total_seconds()) // 60
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes}\xa0min ago"
    if since < RELATIVE_UNTIL:
        return f"{minutes // 60}\xa0hour{'s' if minutes >= 120 else ''} ago"
    day = f"{local.day} {MONTHS[local.month]}"
    return f"{day} {local.year}" if since > timedelta(days=300) else f"{day}, {_clock(local)}"


def ends_in(end: End) -> SafeString:
    """Return how long a session has still, with the moment and why in its title."""
    left, exactly = roughly(end.on - timezone.now()), exact(end.on)
    title = f"{exactly}, {end.why}{', unless it is used before' if end.if_idle else ''}"
    return format_html(
        '<time datetime="{}" title="{}">ends in {}</time>', end.on.isoformat(timespec="seconds"), title, left
    )
