"""One case in a process of its own: seeds its database, then serves as many requests as each line of input says."""

import io
import itertools
import json
import os
import sys
from statistics import median
from time import perf_counter
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application

WARM_UP = 150


def environ(visit: Any) -> dict[str, Any]:
    """Return what a WSGI server (PEP 3333) says of a GET request by this visitor."""
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": visit.ip,
        "HTTP_HOST": "localhost",
        "HTTP_USER_AGENT": visit.agent,
        "HTTP_ACCEPT": "text/html",
        "HTTP_COOKIE": f"sessionid={visit.key}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
    if status != "200 OK":
        raise RuntimeError(f"the view answered {status}")


def serve(handler: WSGIHandler, visits: list[Any]) -> float:
    """Answer a request of each visit; return the median of their seconds. Raises RuntimeError for a wrong answer."""
    seconds = []
    for visit in visits:
        request = environ(visit)
        begun = perf_counter()
        response = handler(request, start_response)
        body = b"".join(response)
        response.close()
        seconds.append(perf_counter() - begun)
        if body != str(visit.user.pk).encode():
            raise RuntimeError(f"the view took {visit.user.pk} for {body!r}")
    return median(seconds)


def main() -> None:
    handler = get_wsgi_application()
    # These import models, which needs the settings to be set up.
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from bench.seed import seed
    from bench.settings import CASE

    # No visit comes twice, so every touch that is to be due is due.
    visits = iter(seed(CASE, int(os.environ["BENCH_SESSIONS"])))
    serve(handler, list(itertools.islice(visits, WARM_UP)))
    with CaptureQueriesContext(connection) as captured:
        serve(handler, [next(visits)])
    statements = [query["sql"].split(maxsplit=1)[0] for query in captured.captured_queries]
    print(json.dumps(statements), flush=True)
    for line in sys.stdin:
        batch = list(itertools.islice(visits, int(line)))
        print(serve(handler, batch), flush=True)


if __name__ == "__main__":
    main()
