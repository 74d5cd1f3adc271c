"""What a browser does beside showing pages: messages, dialogs, and requests to others than our servers."""

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Request
from playwright.sync_api import Error as BrowserError

OURS = "http://127.0.0.1:"
CANARY = "canary"
# Chromium says so of every answer that is an error, also of those that are meant.
REFUSED = "Failed to load resource: the server responded with a status of"
# And this where somebody types faster than the page loads.
AUTOFOCUS = "Autofocus processing was blocked because a document already has a focused element."


class Watch:
    """Counts what happens in all pages of a context from now on."""

    def __init__(self, context: BrowserContext) -> None:
        self.messages: list[str] = []
        # How messages begin that a test brings about and means to.
        self.meant: tuple[str, ...] = ()
        self.dialogs: list[str] = []
        self.canaries: list[str] = []
        self.foreign: list[str] = []
        context.on("console", self._said)
        context.on("weberror", lambda error: self.messages.append(str(error.error)))
        context.on("dialog", self._asked)
        context.on("request", self._requested)

    def _said(self, message: ConsoleMessage) -> None:
        if message.text.startswith((AUTOFOCUS, *self.meant)):
            return
        if not message.text.startswith(REFUSED) or "/static/" in message.location["url"]:
            self.messages.append(f"{message.text} ({message.location['url']})")

    def _asked(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        try:
            dialog.dismiss()
        except BrowserError:
            # The page that asked has gone.
            return

    def _requested(self, request: Request) -> None:
        if CANARY in request.url:
            self.canaries.append(request.url)
        if not request.url.startswith((OURS, "data:")):
            self.foreign.append(request.url)
