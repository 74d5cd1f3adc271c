"""Every page of the console and of Reports, and the way there. Needs nothing but a served site with demo people."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.servers import Site

LIST = "/security/active-user-sessions/"
TERMINATE = f"{LIST}terminate/"
TERMINATIONS = "/security/terminations/"
EXPORTS = "/security/exports/"
REVIEWS = "/security/reviews/"
SAVED_VIEWS = "/security/saved-views/"
NETWORKS = "/security/networks/"
LIMITS = "/security/limits/"
NOBODY, ADMINISTRATOR, ACCOUNT_ADMINISTRATOR, MEMBER, GUEST = "", "marta", "omar", "anna", "guest"

Way = Callable[[Page, Site], object]


@dataclass(frozen=True)
class Shown:
    """A page, who looks at it, how he gets there, and the status of the answer."""

    by: str
    way: Way
    status: int = 200


def follow(page: Page, link: Locator) -> None:
    """Click what leads to another page, and wait for that: until it comes, the old one answers in its place."""
    with page.expect_navigation():
        link.click()


def sign_in(page: Page, root: str, name: str, password: str) -> None:
    """Sign in with the form of the console or of Reports."""
    page.goto(f"{root}/sign-in/")
    fill_in_password(page, name, password)
    page.wait_for_url(lambda url: "/sign-in/" not in url)


def fill_in_password(page: Page, name: str, password: str) -> None:
    # Reports keeps Django's own labels.
    page.get_by_label(re.compile("^user ?name:?$", re.IGNORECASE)).fill(name)
    page.get_by_label(re.compile("^password:?$", re.IGNORECASE)).fill(password)
    follow(page, page.get_by_role("button", name="Sign in"))


def sign_in_as(context: BrowserContext, site: Site, name: str) -> None:
    """Give the context a session of this demo person in the console."""
    page = context.new_page()
    sign_in(page, site.console, name, site.password)
    page.close()


def at(path: str) -> Way:
    return lambda page, site: page.goto(path)


def away(page: Page, site: Site) -> None:
    # Only who brings a key makes the console ask its database; browsers share cookies between ports.
    page.goto(f"{site.outage}{LIST}")


def choose_account(page: Page, site: Site) -> None:
    page.goto("/sign-in/")
    fill_in_password(page, "naomi", site.password)
    expect(page.get_by_role("heading", name="Choose an account")).to_be_visible()


def wrong_password(page: Page, site: Site, name: str = "ines") -> None:
    page.goto("/sign-in/")
    fill_in_password(page, name, "not the password")


def too_many(page: Page, site: Site) -> None:
    # The first waits are so short that a slow machine may sit them out.
    for _ in range(8):
        wrong_password(page, site, "claire")
        if page.get_by_text("Try again in").count():
            return


def too_many_links(page: Page, site: Site) -> None:
    for _ in range(8):
        page.goto("/password/reset/")
        page.get_by_label("E-mail").fill("nobody@kestrel-logistics.example")
        follow(page, page.get_by_role("button", name="Send the link"))
        if page.get_by_text("Ask again in").count():
            return


def signed_out(page: Page, site: Site) -> None:
    sign_in(page, site.console, "ines", site.password)
    follow(page, page.get_by_role("button", name="Sign out", exact=True))


def stale_form(page: Page, site: Site) -> None:
    page.goto("/sign-in/")
    page.context.clear_cookies()
    fill_in_password(page, "ines", site.password)


def filters_open(page: Page, site: Site) -> None:
    page.goto(LIST)
    page.get_by_text("More", exact=True).click()


def help_open(page: Page, site: Site) -> None:
    page.goto(LIST)
    page.locator("summary", has_text="What can be searched for").click()


def ticked(page: Page, site: Site) -> None:
    page.goto(LIST)
    for box in page.locator("tbody [type=checkbox]").all()[2:5]:
        box.check()


def confirm_one(page: Page, site: Site) -> None:
    page.goto(LIST)
    follow(page, page.get_by_role("link", name=re.compile("^Terminate .*session in")).nth(1))


def confirm_all(page: Page, site: Site) -> None:
    page.goto(LIST)
    follow(page, page.get_by_role("link", name=re.compile("^Terminate (everything|all that match)…")))


def mistyped(page: Page, site: Site) -> None:
    confirm_all(page, site)
    page.get_by_label("Type").fill("13")
    follow(page, page.get_by_role("button", name=re.compile("^Terminate")))


def session(page: Page, site: Site) -> None:
    page.goto(f"{LIST}?user=ines")
    follow(page, page.locator("tbody .c-user a").first)


def own_session(page: Page, site: Site) -> None:
    page.goto("/my-sessions/")
    follow(page, page.locator("tr", has_text="This one").get_by_role("link").first)


def confirm_own(page: Page, site: Site) -> None:
    """Want to end one of one's own sessions, when the sign-in is no proof any more."""
    page.goto("/six-minutes-later/")
    follow(page, page.get_by_role("link", name=re.compile("^Terminate Anna")).first)
    expect(page.get_by_label("Your password")).to_be_visible()


def confirm_own_wrong(page: Page, site: Site) -> None:
    confirm_own(page, site)
    page.get_by_label("Your password").fill("not the password")
    follow(page, page.get_by_role("button", name="Terminate 1 session"))
    expect(page.get_by_text("This is not your password")).to_be_visible()


def unusual_session(page: Page, site: Site) -> None:
    page.goto(f"{LIST}?look=yes")
    follow(page, page.get_by_role("link", name=re.compile("^Two far places")).first)


def expected_session(page: Page, site: Site) -> None:
    page.goto(f"{LIST}?q=tomasz")
    follow(page, page.locator("tbody .c-user a").first)
    if page.get_by_role("button", name="This is expected").count():
        follow(page, page.get_by_role("button", name="This is expected").first)
    expect(page.get_by_text("called this expected on")).to_be_visible()


def terminate_oldest(page: Page, site: Site) -> None:
    """End two of the oldest sessions, as an administrator who tidies up."""
    page.goto(f"{LIST}?application=portal&sort=oldest")
    for box in page.locator("tbody [type=checkbox]").all()[:2]:
        box.check()
    follow(page, page.get_by_role("button", name="Terminate ticked"))
    page.get_by_label("Reason").fill("INC-2214, laptops lost on a train")
    page.get_by_label("Note").fill("Please sign in again and check your recovery address.")
    follow(page, page.get_by_role("button", name=re.compile("^Terminate")))
    expect(page.get_by_text("2 sessions terminated")).to_be_visible()


def terminations(page: Page, site: Site) -> None:
    terminate_oldest(page, site)
    page.goto(TERMINATIONS)


def limit_confirm(page: Page, site: Site) -> None:
    """Ask what a limit of a month would end; nothing is set."""
    page.goto(f"{LIMITS}add/")
    page.get_by_label("Ends when idle for").fill("6 days")
    page.get_by_label("Parallel sessions").fill("5")
    follow(page, page.get_by_role("button", name="See what it would end"))
    expect(page.get_by_role("heading", name="Set this limit?")).to_be_visible()


def limit_unfit(page: Page, site: Site) -> None:
    page.goto(f"{LIMITS}add/")
    page.get_by_label("Account").fill("nowhere corp")
    page.get_by_label("Ends when idle for").fill("soon")
    follow(page, page.get_by_role("button", name="See what it would end"))


def limit_change(page: Page, site: Site) -> None:
    page.goto(LIMITS)
    follow(page, page.get_by_role("link", name="Change or remove").first)


def limit_remove(page: Page, site: Site) -> None:
    limit_change(page, site)
    follow(page, page.get_by_role("link", name="Remove this limit"))


def limits_kept(page: Page, site: Site) -> None:
    """Set a limit that ends nothing and remove it again, so that the page has a history."""
    page.goto(f"{LIMITS}add/")
    page.get_by_role("combobox", name="Application").select_option("portal")
    page.get_by_label("Parallel sessions").fill("50")
    follow(page, page.get_by_role("button", name="See what it would end"))
    follow(page, page.get_by_role("button", name="Set the limit"))
    follow(page, page.get_by_role("link", name="Change or remove: Portal").first)
    follow(page, page.get_by_role("link", name="Remove this limit"))
    follow(page, page.get_by_role("button", name="Remove the limit"))


def receipt(page: Page, site: Site) -> None:
    terminate_oldest(page, site)
    follow(page, page.get_by_role("link", name="Receipt"))


def exports(page: Page, site: Site) -> None:
    page.goto(f"{LIST}?user=ines")
    with page.expect_download():
        page.get_by_role("button", name="Export").click()
    page.goto(EXPORTS)


def too_many_exports(page: Page, site: Site) -> None:
    page.goto(LIST)
    token = page.locator("[name=csrfmiddlewaretoken]").first.get_attribute("value") or ""
    for _ in range(10):
        page.request.post(f"{site.console}{LIST}export/", form={"csrfmiddlewaretoken": token})
    follow(page, page.get_by_role("button", name="Export"))


def saved_views(page: Page, site: Site) -> None:
    """Save two views, unless an earlier visit has."""
    for query, name in (("country=DE&dormant=30d", "Germany, dormant"), ("application=portal", "The portal")):
        page.goto(f"{SAVED_VIEWS}new/sessions/?{query}")
        page.get_by_label("Name").fill(name)
        follow(page, page.get_by_role("button", name="Save view"))
    page.goto(SAVED_VIEWS)


def edit_view(page: Page, site: Site) -> None:
    saved_views(page, site)
    follow(page, page.get_by_role("link", name="Rename, share or remove the view The portal"))


def unnamed_view(page: Page, site: Site) -> None:
    page.goto(f"{SAVED_VIEWS}new/sessions/?country=DE")
    page.get_by_label("Name").fill(" ")
    follow(page, page.get_by_role("button", name="Save view"))


def view_without_account(page: Page, site: Site) -> None:
    page.goto(f"{SAVED_VIEWS}new/sessions/?country=DE")
    page.get_by_label("Name").fill("Germany")
    page.get_by_label("Who finds it").select_option(label="The administrators of an account")
    page.get_by_label("Account").fill("")
    follow(page, page.get_by_role("button", name="Save view"))


def views_open(page: Page, site: Site) -> None:
    saved_views(page, site)
    page.goto(LIST)
    page.locator("summary", has_text="Saved views").click()


def network(page: Page, site: Site) -> None:
    page.goto(NETWORKS)
    follow(page, page.get_by_role("link", name="Newsroom Berlin", exact=True))


def network_remove(page: Page, site: Site) -> None:
    page.goto(NETWORKS)
    follow(page, page.get_by_role("link", name="Remove… Newsroom Berlin"))


def network_wrong(page: Page, site: Site) -> None:
    page.goto(f"{NETWORKS}add/")
    page.get_by_label("Name").fill("Newsroom Berlin")
    page.get_by_label("Addresses").fill("10.0.0.0/8\n10.20.30.0/24")
    page.get_by_label("Account").fill("nowhere")
    follow(page, page.get_by_role("button", name="Name this network"))


def review(page: Page, site: Site) -> None:
    page.goto(f"{REVIEWS}begin/?application=portal")
    follow(page, page.get_by_role("button", name="Begin the review"))


def review_ends(page: Page, site: Site) -> None:
    review(page, site)
    for choice in page.get_by_label("Terminate", exact=True).all()[:2]:
        choice.check()
    follow(page, page.get_by_role("button", name="Save, and keep all others"))


def review_undecided(page: Page, site: Site) -> None:
    review(page, site)
    follow(page, page.get_by_role("button", name="Sign the review"))


def review_signed(page: Page, site: Site) -> None:
    review(page, site)
    follow(page, page.get_by_role("button", name="Save, and keep all others"))
    page.get_by_label("Note").fill("Quarterly review, Q4")
    if page.get_by_label("undecided").count():
        page.get_by_label("undecided").check()
    follow(page, page.get_by_role("button", name="Sign the review"))


def reviews(page: Page, site: Site) -> None:
    review_signed(page, site)
    review(page, site)
    page.goto(REVIEWS)


def own_ended(page: Page, site: Site) -> None:
    """End all of one's own sessions, this one too, and be told so at the sign-in."""
    sign_in(page, site.console, "lars", site.password)
    page.goto(f"{TERMINATE}?everything=1")
    page.get_by_label("Also end my own session").check()
    page.get_by_label("Note").fill("Please sign in again and check your recovery address.")
    follow(page, page.get_by_role("button", name=re.compile("^Terminate")))
    expect(page.get_by_text("Your session was ended on")).to_be_visible()


def new_password(page: Page, site: Site) -> None:
    page.goto("/password/reset/")
    page.get_by_label("E-mail").fill("o.haddad@kestrel-logistics.example")
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", name="Check your e-mail")).to_be_visible()
    newest = max(site.mails.iterdir(), key=lambda mail: mail.stat().st_mtime)
    words = str(message_from_bytes(newest.read_bytes()).get_payload(decode=True).decode())  # type: ignore[union-attr]
    link = re.search(r"https?://\S+", words)
    assert link, words
    page.goto(urlsplit(link[0]).path)


def unfit_password(page: Page, site: Site) -> None:
    page.goto("/password/")
    for field in page.locator("[type=password]").all():
        field.fill("12345")
    follow(page, page.get_by_role("button", name="Change password"))


def in_reports(path: str) -> Way:
    return lambda page, site: page.goto(f"{site.reports}{path}")


def reports_wrong_password(page: Page, site: Site) -> None:
    page.goto(f"{site.reports}/sign-in/")
    fill_in_password(page, "ines", "not the password")


def reports_home(page: Page, site: Site) -> None:
    sign_in(page, site.reports, "anna", site.password)


def reports_terminated(page: Page, site: Site) -> None:
    """Sign in to Reports, end that session from the console in the same browser, and go back to Reports."""
    reports_home(page, site)
    page.goto(f"{LIST}?user=anna&application=reports")
    follow(page, page.get_by_role("link", name=re.compile("^Terminate Anna")).first)
    follow(page, page.get_by_role("button", name="Terminate 1 session"))
    expect(page.get_by_text("1 session terminated")).to_be_visible()
    page.goto(site.reports)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


PAGES = {
    "sign-in": Shown(NOBODY, at("/sign-in/")),
    "sign-in-wrong": Shown(NOBODY, wrong_password),
    "sign-in-ended": Shown(NOBODY, own_ended),
    "choose-account": Shown(NOBODY, choose_account),
    "signed-out": Shown(NOBODY, signed_out),
    "list": Shown(ADMINISTRATOR, at(LIST)),
    "overview": Shown(ADMINISTRATOR, at(f"{LIST}overview/")),
    "overview-no-match": Shown(ADMINISTRATOR, at(f"{LIST}overview/?q=nobody+is+called+that")),
    "list-filtered": Shown(ADMINISTRATOR, at(f"{LIST}?q=a&device=computer&before=2100-01-01&sort=oldest")),
    "list-filters-open": Shown(ADMINISTRATOR, filters_open),
    "list-ticked": Shown(ADMINISTRATOR, ticked),
    "list-no-match": Shown(ADMINISTRATOR, at(f"{LIST}?q=nobody+is+called+that")),
    "list-after-termination": Shown(ADMINISTRATOR, terminate_oldest),
    "list-of-an-account": Shown(ACCOUNT_ADMINISTRATOR, at(LIST)),
    "session": Shown(ADMINISTRATOR, session),
    "list-look": Shown(ADMINISTRATOR, at(f"{LIST}?look=yes")),
    "session-unusual": Shown(ADMINISTRATOR, unusual_session),
    "session-expected": Shown(ADMINISTRATOR, expected_session),
    "session-own": Shown(ADMINISTRATOR, own_session),
    "confirm-one": Shown(ADMINISTRATOR, confirm_one),
    "confirm-all": Shown(ADMINISTRATOR, confirm_all),
    "confirm-mistyped": Shown(ADMINISTRATOR, mistyped, 400),
    "confirm-own": Shown(MEMBER, confirm_own),
    "confirm-own-wrong": Shown(MEMBER, confirm_own_wrong, 400),
    "terminations": Shown(ADMINISTRATOR, terminations),
    "terminations-none": Shown(ACCOUNT_ADMINISTRATOR, at(TERMINATIONS)),
    "termination": Shown(ADMINISTRATOR, receipt),
    "termination-under-way": Shown(ADMINISTRATOR, at("/under-way/")),
    "limits": Shown(ADMINISTRATOR, limits_kept),
    "limits-of-an-account": Shown(ACCOUNT_ADMINISTRATOR, at(LIMITS)),
    "limit-add": Shown(ADMINISTRATOR, at(f"{LIMITS}add/")),
    "limit-add-for-an-account": Shown(ACCOUNT_ADMINISTRATOR, at(f"{LIMITS}add/")),
    "limit-add-unfit": Shown(ADMINISTRATOR, limit_unfit, 400),
    "limit-confirm": Shown(ADMINISTRATOR, limit_confirm),
    "limit-change": Shown(ADMINISTRATOR, limit_change),
    "limit-remove": Shown(ADMINISTRATOR, limit_remove),
    "login-records": Shown(ADMINISTRATOR, at("/security/login-records/")),
    "login-records-filtered": Shown(ADMINISTRATOR, at("/security/login-records/?outcome=failed&sort=oldest")),
    "login-records-no-match": Shown(ADMINISTRATOR, at("/security/login-records/?q=nobody+is+called+that")),
    "exports": Shown(ADMINISTRATOR, exports),
    "exports-none": Shown(GUEST, at(EXPORTS)),
    "exports-too-many": Shown(ACCOUNT_ADMINISTRATOR, too_many_exports, 429),
    "saved-views": Shown(ADMINISTRATOR, saved_views),
    "saved-views-none": Shown(GUEST, at(SAVED_VIEWS)),
    "saved-view-new": Shown(ACCOUNT_ADMINISTRATOR, at(f"{SAVED_VIEWS}new/sessions/?country=DE")),
    "saved-view-wrong": Shown(ACCOUNT_ADMINISTRATOR, unnamed_view, 400),
    "saved-view-without-account": Shown(ACCOUNT_ADMINISTRATOR, view_without_account, 400),
    "saved-view-edit": Shown(ADMINISTRATOR, edit_view),
    "list-views-open": Shown(ADMINISTRATOR, views_open),
    "networks": Shown(ADMINISTRATOR, at(NETWORKS)),
    "networks-none": Shown(ACCOUNT_ADMINISTRATOR, at(NETWORKS)),
    "network-add": Shown(ACCOUNT_ADMINISTRATOR, at(f"{NETWORKS}add/?address=2001:db8:4f:12::1c")),
    "network-add-wrong": Shown(ADMINISTRATOR, network_wrong, 400),
    "network": Shown(ADMINISTRATOR, network),
    "network-remove": Shown(ADMINISTRATOR, network_remove),
    "reviews-none": Shown(GUEST, at(REVIEWS)),
    "review-begin": Shown(ADMINISTRATOR, at(f"{REVIEWS}begin/?application=portal")),
    "review": Shown(ADMINISTRATOR, review),
    "review-ends": Shown(ADMINISTRATOR, review_ends),
    "review-undecided": Shown(ADMINISTRATOR, review_undecided, 400),
    "review-signed": Shown(ADMINISTRATOR, review_signed),
    "reviews": Shown(ADMINISTRATOR, reviews),
    "400-review": Shown(ADMINISTRATOR, at(f"{REVIEWS}begin/?q=nobody+is+called+that"), 400),
    "my-sessions": Shown(MEMBER, at("/my-sessions/")),
    "my-sessions-no-account": Shown(GUEST, at("/my-sessions/")),
    "password-change": Shown(MEMBER, at("/password/")),
    "password-change-unfit": Shown(MEMBER, unfit_password),
    "password-changed": Shown(MEMBER, at("/password/changed/")),
    "password-changed-others-go-on": Shown(MEMBER, at("/password/changed/?kept=1")),
    "password-reset": Shown(NOBODY, at("/password/reset/")),
    "password-reset-sent": Shown(NOBODY, at("/password/reset/sent/")),
    "password-new": Shown(NOBODY, new_password),
    "password-new-old-link": Shown(NOBODY, at("/password/reset/MQ/old-link/")),
    "password-new-set": Shown(NOBODY, at("/password/reset/done/")),
    "list-help-open": Shown(ADMINISTRATOR, help_open),
    "list-searched": Shown(ADMINISTRATOR, at(f"{LIST}?q=germany+-chrome+after:2020-01-01")),
    "list-short-word": Shown(ADMINISTRATOR, at(f"{LIST}?q=zq")),
    "400-search": Shown(ADMINISTRATOR, at(f"{LIST}?q=usr:anna+berlin"), 400),
    "400-filter": Shown(ADMINISTRATOR, at(f"{LIST}?user=martha&colour=red"), 400),
    "400": Shown(MEMBER, at(f"{LIST}?{'a=1&' * 1001}"), 400),
    "403": Shown(MEMBER, at("/admin/"), 403),
    "403-form": Shown(NOBODY, stale_form, 403),
    "404": Shown(ADMINISTRATOR, at("/nowhere/"), 404),
    "404-visitor": Shown(NOBODY, at("/nowhere/"), 404),
    "429": Shown(NOBODY, too_many, 429),
    "429-links": Shown(NOBODY, too_many_links, 429),
    "500": Shown(ADMINISTRATOR, at("/fault/"), 500),
    "503": Shown(ADMINISTRATOR, away, 503),
    "reports-sign-in": Shown(NOBODY, in_reports("/sign-in/")),
    "reports-sign-in-wrong": Shown(NOBODY, reports_wrong_password),
    "reports-home": Shown(NOBODY, reports_home),
    "reports-terminated": Shown(ADMINISTRATOR, reports_terminated),
}
