/* What the pages can do better with a script; all of it works without. */
"use strict";

/* The time zone: the server shows times in it from the next page on. */

function rememberTimeZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (/^[A-Za-z0-9_+/-]+$/.test(zone ?? "")) {
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `tz=${zone}; path=/; max-age=31536000; samesite=lax${secure}`;
  }
}

/* Whether the overview is folded: the server shows it so from the next page on. toggle does not bubble. */

document.addEventListener("toggle", ({ target }) => {
  if (!target.matches("details.overview")) return;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `overview=${target.open ? "open" : "folded"}; path=/; max-age=31536000; samesite=lax${secure}`;
}, true);

/* Ticking rows: all of a page, a range with shift, and the count in words. */

const TICKS = "tbody .tick input";
const TICK_ALL = "thead input[data-tick-all]";
let lastTicked = null;

function bulkForms() {
  return document.querySelectorAll("form:has(.bulk)");
}

function showTickAll(form) {
  const all = form.querySelector(TICK_ALL);
  if (all && form.querySelector(TICKS)) all.closest("label").hidden = false;
}

function tell(form) {
  const boxes = [...form.querySelectorAll(TICKS)];
  const number = boxes.filter((box) => box.checked).length;
  const words = `${number} ${number === 1 ? "session" : "sessions"} ticked`;
  const visible = form.querySelector(".ticked");
  visible.classList.add("counted");
  visible.textContent = words;
  let spoken = form.querySelector(".spoken");
  if (!spoken) {
    // The bar itself is not rendered while nothing is ticked, so it cannot announce its own coming.
    spoken = Object.assign(document.createElement("p"), { className: "spoken vh", role: "status" });
    form.append(spoken);
  }
  if (number || spoken.textContent) spoken.textContent = words;
  const all = form.querySelector(TICK_ALL);
  if (all) {
    all.checked = number > 0 && number === boxes.length;
    all.indeterminate = number > 0 && number < boxes.length;
  }
}

function tickRange(form, from, to) {
  const boxes = [...form.querySelectorAll(TICKS)];
  const [first, last] = [boxes.indexOf(from), boxes.indexOf(to)].sort((a, b) => a - b);
  if (first >= 0) boxes.slice(first, last + 1).forEach((box) => { box.checked = to.checked; });
}

function setUp() {
  bulkForms().forEach((form) => { showTickAll(form); tell(form); });
}

document.addEventListener("click", (event) => {
  const form = event.target.closest?.("form:has(.bulk)");
  if (!form) return;
  if (event.target.matches(TICKS)) {
    if (event.shiftKey && lastTicked) tickRange(form, lastTicked, event.target);
    lastTicked = event.target;
    tell(form);
  } else if (event.target.matches(TICK_ALL)) {
    form.querySelectorAll(TICKS).forEach((box) => { box.checked = event.target.checked; });
    tell(form);
  } else if (event.target.closest(".bulk [type=reset]")) {
    // A reset would bring back the ticks that the page came with.
    event.preventDefault();
    form.querySelectorAll(TICKS).forEach((box) => { box.checked = false; });
    tell(form);
    form.querySelector(TICKS)?.focus();
  }
});

/* Panels that lie over the page close at a click beside them, the one that applies their filter included, and with Escape. */

function closePanels(except) {
  document.querySelectorAll("details.pop[open]").forEach((panel) => {
    if (panel.contains(except)) return;
    if (panel.contains(document.activeElement)) panel.querySelector("summary").focus();
    panel.open = false;
  });
}

document.addEventListener("click", ({ target }) => closePanels(target));
document.addEventListener("keydown", ({ key }) => { if (key === "Escape") closePanels(null); });

/* A fragment that did not come: say so at the top, in the words of the error page that came instead. */

function showTrouble(words) {
  const place = document.getElementById("trouble");
  const notice = document.getElementById("trouble-notice").content.cloneNode(true);
  notice.querySelector("p").textContent = words;
  place.replaceChildren(notice);
  place.scrollIntoView({ block: "nearest" });
}

function wordsOf(page) {
  const said = [...page.querySelectorAll("main .blank :is(h1, h2, p:not(:has(.btn)))")].map((part) => part.textContent.trim());
  return said.map((part) => (/[.?]$/.test(part) ? part : `${part}.`)).join(" ");
}

/* What is wrong in the search box is also said beside it, as on the page that comes without a script. */
function showBesideBox(page) {
  const box = document.getElementById("f-q");
  document.getElementById("f-q-wrong")?.remove();
  const wrong = page?.getElementById("f-q-wrong");
  if (wrong) box?.parentElement.append(document.adoptNode(wrong));
  for (const [name, value] of [["aria-invalid", "true"], ["aria-describedby", "f-q-wrong"]]) {
    if (wrong) box?.setAttribute(name, value); else box?.removeAttribute(name);
  }
}

function pageOf(xhr) {
  return new DOMParser().parseFromString(xhr.responseText, "text/html");
}

/* An address that is passed on says what is filtered, and nothing of the fields that are empty. */
document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.verb !== "get") return;
  [...detail.formData].filter(([, value]) => value === "").forEach(([name]) => detail.formData.delete(name));
});

/* What is said of a filter that cannot be read takes the place of the list, as on the page that comes without a script. */
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target.id !== "list" || detail.xhr.status !== 400 || !pageOf(detail.xhr).getElementById("list")) return;
  Object.assign(detail, { shouldSwap: true, isError: false, selectOverride: "#list" });
});
document.addEventListener("htmx:responseError", (event) => {
  const page = pageOf(event.detail.xhr);
  showTrouble(wordsOf(page) || `The server could not answer (${event.detail.xhr.status}). This page shows what it showed before.`);
});
for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, () => showTrouble("The server cannot be reached. This page shows what it showed before. Try again in a moment."));
}
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  // Suggestions that come late must not take away what was said about the list.
  if (detail.target.id !== "list") return;
  document.getElementById("trouble").replaceChildren();
  showBesideBox(detail.xhr.status === 400 ? pageOf(detail.xhr) : null);
});
document.addEventListener("htmx:afterSettle", setUp);

/* htmx puts the address, and with it names that were searched for, into sessionStorage, where it outlives the sign-out. */
function forgetAddress() {
  sessionStorage.removeItem("htmx-current-path-for-history");
}
for (const name of ["htmx:pushedIntoHistory", "htmx:replacedInHistory", "htmx:historyRestore"]) {
  document.addEventListener(name, forgetAddress);
}

/* A page that comes back from the browser's memory brings its ticks along. */
window.addEventListener("pageshow", setUp);
rememberTimeZone();
forgetAddress();
