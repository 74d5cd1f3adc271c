"""The browser of an administrator who terminates."""

import re

from tests.plain_browser import Browser, hidden

LIST = "/security/active-user-sessions/"
TERMINATE = f"{LIST}terminate/"


class Administrator(Browser):
    def terminate(self, query: str) -> float:
        """Preview and confirm; return the seconds from the click on the button to the answer."""
        page = self.ask("GET", f"{TERMINATE}?{query}").text
        fields = {name: hidden(page, name) for name in ("preview", "back", "csrfmiddlewaretoken")}
        if typed := re.search(r"Type <[^>]*>([^<]+)<|Type ([\d,]+|everything|account-\d+) to confirm", page):
            fields["typed"] = (typed[1] or typed[2]).strip()
        answer = self.ask("POST", TERMINATE, fields)
        if answer.status != 302:
            raise RuntimeError(f"The confirmation of {query} was answered with {answer.status}.")
        return answer.seconds
