"""Settings with which pytest-django can collect Django's own tests, as its tests/runtests.py makes them. Used in that folder."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

TESTS = Path.cwd()
sys.path.insert(0, str(TESTS))
os.environ.setdefault("RUNTESTS_DIR", str(TESTS))

#: Not packages of tests, or such that can't be loaded with all the others.
_NOT_APPS = {"gis_tests", "import_error_package", "test_runner_apps", "templates", "requirements"}

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sites",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.staticfiles",
    "django.contrib.flatpages",
    "django.contrib.redirects",
    *sorted(
        path.name
        for path in TESTS.iterdir()
        if (path / "__init__.py").exists() and path.name not in _NOT_APPS
    ),
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [str(TESTS / "templates")],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3"},
    "other": {"ENGINE": "django.db.backends.sqlite3"},
}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
LANGUAGE_CODE = "en"
MIGRATION_MODULES = {"auth": None, "contenttypes": None, "sessions": None}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ROOT_URLCONF = "urls"
SECRET_KEY = "django_tests_secret_key"
SILENCED_SYSTEM_CHECKS = ["fields.W342", "fields.W903"]
SITE_ID = 1
STATIC_ROOT = os.path.join(tempfile.gettempdir(), "static")
STATIC_URL = "static/"
USE_TZ = False
