import getpass
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error, router
from django.http import QueryDict

from sessions_ui import preview, restore, services
from sessions_ui.filters import SessionFilter
from sessions_ui.models import Session, Termination
from sessions_ui.models.reaches import ALL
from sessions_ui.preview import Preview
from sessions_ui.selection import Selection, UnreadableSelection, selection

OUTAGE, UNREADABLE, NO_MATCH = 1, 2, 3
EXIT_CODES = """
exit codes:
  0  the sessions are terminated, or without --yes: this is what would end
  1  the database does not answer; nothing was terminated
  2  an option cannot be read; nothing was terminated
  3  no session matches
"""


class Command(BaseCommand):
    help = "Terminate the sessions that a filter keeps. Without --yes it only says what would end."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(
            prog_name, subcommand, epilog=EXIT_CODES, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        for name, field in SessionFilter.base_fields.items():
            parser.add_argument(f"--{name}", metavar="TEXT", help=f"as the filter “{field.label or name}” of the list")
        parser.add_argument("--all", action="store_true", help="every session")
        parser.add_argument("--restored", action="store_true", help="with --all, after the database was restored")
        parser.add_argument("--yes", action="store_true", help="do it")
        parser.add_argument("--reason", default="", metavar="TEXT", help="for the record, 200 characters at most")
        parser.add_argument("--note", default="", metavar="TEXT", help="for the people signed out, 280 at most")

    def handle(self, **options: Any) -> None:
        for name, longest in (("reason", 200), ("note", 280)):
            if len(options[name]) > longest or not options[name].isprintable():
                raise refusal(f"--{name} must be one line of {longest} characters at most.")
        try:
            self.preview_and_end(chosen(options), options)
        except Error as error:
            said = f"The database does not answer; nothing was terminated. {error}"
            raise CommandError(said, returncode=OUTAGE) from error

    def preview_and_end(self, wanted: Selection, options: dict[str, Any]) -> None:
        using = router.db_for_write(Session)
        shown = Preview.of(*wanted)
        scope = shown.scope(ALL, spared=None)
        matched = preview.count(scope)
        if matched == 0:
            if options["restored"] and options["yes"]:
                restore.remember(using)
            raise CommandError(f"No session matches: {shown.in_words}.", returncode=NO_MATCH)
        number = "more sessions than could be counted in two seconds" if matched is None else plural(matched)
        if not options["yes"]:
            self.stdout.write(
                f"Would terminate {number}: {shown.in_words}.\nNothing has happened. Add --yes to do it."
            )
            return
        reason = options["reason"] or ("The database was restored from a backup" if options["restored"] else "")
        termination = services.terminate(
            scope,
            f"{getpass.getuser()} on the command line",
            reason=reason,
            note=options["note"],
            in_words=shown.in_words,
            matched=matched,
            previewed_after=shown.newest_termination,
            **({"tells_people": False} if options["restored"] else {}),
        )
        if options["restored"]:
            restore.remember(using)
        self.stdout.write(outcome(termination, number))


def refusal(sentence: str) -> CommandError:
    return CommandError(f"{sentence} Nothing was terminated.", returncode=UNREADABLE)


def chosen(options: dict[str, Any]) -> Selection:
    """Return what the options mean; raises CommandError."""
    params = QueryDict(mutable=True)
    params.update({name: options[name] for name in SessionFilter.base_fields if options[name] is not None})
    if options["restored"] and not options["all"]:
        raise refusal("--restored goes with --all: every session of the backup must end.")
    if options["all"] and params:
        raise refusal("Choose a filter or --all, only one of them.")
    if not options["all"] and not params:
        raise refusal("Say which sessions: give a filter, or --all for every one.")
    if options["all"]:
        params["everything"] = "1"
    try:
        return selection(params, ALL)
    except UnreadableSelection as error:
        raise refusal(" ".join(f"{name}: {said}" for name, said in error.problems.items())) from error


def outcome(termination: Termination, number: str) -> str:
    if termination.finished_on:
        return f"Terminated {plural(termination.ended)}: {termination.in_words}."
    return (
        f"In effect for {number}: {termination.in_words}.\n"
        "They are refused from now on. The worker (manage.py work) removes their rows."
    )


def plural(number: int) -> str:
    return f"{number:,} session{'' if number == 1 else 's'}"
