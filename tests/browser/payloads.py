"""Hostile values, for every place that we read. The seed is fixed, so that a failure comes back."""

import random
from collections.abc import Iterator
from itertools import islice

SCRIPTS = [
    "<script>alert({n})</script>",
    "<script src=/canary/{n}.js></script>",
    "<img src=/canary/{n}.png>",
    "<img src=x onerror=alert({n})>",
    "<svg onload=alert({n})>",
    "<svg><animate onbegin=alert({n}) attributeName=x dur=1s>",
    "<svg><image href=/canary/{n}.png />",
    "<iframe src=javascript:alert({n})>",
    "<iframe srcdoc='<script>parent.alert({n})</script>'>",
    "<details open ontoggle=alert({n})>",
    "<input autofocus onfocus=alert({n})>",
    "<body onpageshow=alert({n})>",
    "<meta http-equiv=refresh content='0;url=/canary/{n}'>",
    "<base href=//canary.example/{n}/>",
    "<link rel=stylesheet href=//canary.example/{n}.css>",
    "<object data=/canary/{n}></object>",
    "<form action=/canary/{n}><button autofocus>x",
    "<a href=javascript:alert({n})>x</a>",
    "<style>@import '/canary/{n}.css';*{{background:url(/canary/{n})}}</style>",
    "<video poster=/canary/{n}.png><source onerror=alert({n})>",
    "<div hx-get=/canary/{n} hx-trigger=load></div>",
    "<div hx-on:load=alert({n}) hx-trigger='load[alert({n})]' hx-get=/canary/{n}></div>",
    "<script>fetch('/canary/{n}')</script>",
    "<math><mtext><table><mglyph><style><img src=/canary/{n} onerror=alert({n})>",
    "javascript:alert({n})",
    "data:text/html,<script>alert({n})</script>",
]
BEFORE = [
    "",
    '"',
    "'",
    "`",
    '">',
    "'>",
    "--><",
    "</title>",
    "</textarea>",
    "</script>",
    "</style>",
    "</td></tr></table>",
    "</option></select>",
    "]]>",
    "\\",
    '\\"',
    '"};',
    "';",
    "*/",
    "&quot;&gt;",
    "&#34;>",
    "\x00",
    "\r\n\r\n",
    '" onmouseover=alert(1) autofocus onfocus=alert(1) x="',
]
OTHERS = [
    "' OR '1'='1' -- {n}",
    "1; DROP TABLE sessions_ui_session; -- {n}",
    "%' ESCAPE '\\' OR 1=1 -- {n}",
    "\\%_{n}",
    '"*" NEAR(a, {n}) AND OR NOT',
    "{{{{7*7}}}}{n}",
    "{{% debug %}}{n}",
    "${{7*7}}#{{7*7}}<%= 7*7 %>{n}",
    "{{0.__class__.__mro__}}{n}",
    "%s%s%n%d{n}",
    "../../../../etc/passwd\x00{n}",
    "$(touch canary){n}",
    "{n}\u202e\u2066gnp.exe",
    "\u200b\u200d\ufeff{n}\u2028\u2029",
    "\x1b[31m\x07\x08{n}",
    "\r\nSet-Cookie: console={n}",
    "Z\u0351\u036b\u0343\u036a{n}",
    "\U0001f469\u200d\U0001f4bb{n}",
    "\ufffe\uffff{n}",
    "(" * 200 + "{n}",
    "-1e309{n}",
    "NaN{n}",
    "0x7fffffffffffffff{n}",
    "99999999999999999999{n}",
    "null{n}",
    "[]{n}",
    "true\t{n}",
    "\u0131\u017f\u212a\ufb03{n}",
    "=cmd|' /C calc'!A0{n}",
    "{n}" + "A" * 8_000,
]
BYTES = [
    b"\xff\xfe%d",
    b"\xed\xa0\x80\xed\xbf\xbf%d",
    b"\xc0\xaf%d",
    b"\xf8\x88\x80\x80\x80%d",
    b"\x80\x81%d",
    b"%%ff%%00%d",
]
ADDRESSES = [
    "999.999.999.{n}",
    "1.2.3.4, {n}",
    "[::1]:{n}",
    "::ffff:1.2.3.4%eth{n}",
    "0x7f.1.{n}",
    "127.1,,,{n}",
    "1.2.3.4/{n}",
    "unknown, _hidden{n}",
    'for="[2001:db8::{n}]"',
    "2001:db8::{n}:g",
    "١٢٧.٠.٠.{n}",
    ", " * 2_000 + "{n}",
    "fe80::1%{n}",
]


def hostile(seed: str) -> Iterator[bytes]:
    """Yield values without end, no two alike."""
    dice = random.Random(seed)  # noqa: S311 - nothing here is a secret
    number = 0
    while True:
        number += 1
        roll = dice.random()
        if roll < 0.7:
            yield (dice.choice(BEFORE) + dice.choice(SCRIPTS).format(n=number)).encode()
        elif roll < 0.93:
            yield dice.choice(OTHERS).format(n=number).encode()
        else:
            yield dice.choice(BYTES) % number + dice.choice(SCRIPTS).format(n=number).encode()


def hostile_addresses(number: int) -> list[bytes]:
    dice = random.Random("addresses")  # noqa: S311
    some = (dice.choice(ADDRESSES).format(n=count).encode() for count in range(number // 2))
    return [*some, *islice(hostile("addresses"), number - number // 2)]


def hostile_cookies(number: int) -> list[bytes]:
    """Return Cookie headers: garbled ones, and ours with values that are no keys; some escaped as cookies allow."""
    dice = random.Random("cookies")  # noqa: S311
    names = ["console", "console-csrf", "console-known", "tz", "messages", "reports", "__Host-console"]
    headers = []
    for value in islice(hostile("cookies"), number):
        octal = "".join(f"\\{byte:03o}" for byte in value[:900]).encode()
        # A quoted value may hold any byte, written as three octal digits (RFC 2109, as Python reads it).
        written = dice.choice([value, b'"%s"' % value, b'"%s"' % octal, b'"\\000\\377%s"' % octal])
        headers.append(dice.choice([dice.choice(names).encode() + b"=" + written, written]))
    return headers


def storable(value: bytes, length: int) -> str:
    """Return the value as a database column of this length takes it."""
    return value.decode(errors="replace").replace("\x00", "\N{SYMBOL FOR NULL}")[:length]
