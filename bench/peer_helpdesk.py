"""django-helpdesk as a peer: runs under the interpreter of its own environment, never under ours.

It takes its orders as JSON from standard input (a database, a folder of mails), makes a queue that reads the folder,
and tells how long its own `get_email` took and what came of it. The settings are the least that it needs, untuned.
"""

import json
import sys
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

URLS = "bench_urls"

APPS = (
    *("django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.sites"),
    *("django.contrib.messages", "django.contrib.humanize", "django.contrib.staticfiles", "django.contrib.admin"),
    *("rest_framework", "helpdesk"),
)


def configure(orders: dict[str, Any]) -> None:
    """Tell Django what it must know."""
    import_module("django.conf").settings.configure(
        SECRET_KEY="bench",  # noqa: S106 - a database that lives for one run holds no secrets
        INSTALLED_APPS=APPS,
        DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", **orders["database"]}},
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend",
        ROOT_URLCONF=URLS,
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        MEDIA_ROOT=orders["media"],
        STATIC_URL="/static/",
        SITE_ID=1,
        USE_TZ=True,
        LOGGING_CONFIG=None,
        HELPDESK_TEAMS_MODE_ENABLED=False,
        HELPDESK_KANBAN_BOARD_ENABLED=False,
    )
    import_module("django").setup()
    urls = import_module("django.urls")
    pages = ModuleType(URLS)
    vars(pages)["urlpatterns"] = [urls.path("", urls.include("helpdesk.urls", namespace="helpdesk"))]
    sys.modules[URLS] = pages


def main() -> None:
    """Do as told."""
    orders = json.loads(sys.stdin.read())
    configure(orders)
    call = import_module("django.core.management").call_command
    call("migrate", verbosity=0)
    models = import_module("helpdesk.models")
    models.Queue.objects.create(
        title="Bench",
        slug="bench",
        email_address=orders["address"],
        allow_email_submission=True,
        email_box_type="local",
        email_box_local_dir=orders["mails"],
        email_box_interval=0,
    )
    began = time.perf_counter()
    call("get_email", quiet=True)
    seconds = time.perf_counter() - began
    found = {
        "seconds": seconds,
        "tickets": models.Ticket.objects.count(),
        "messages": models.FollowUp.objects.count(),
        "left": sum(1 for path in Path(orders["mails"]).iterdir() if path.is_file()),
    }
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
