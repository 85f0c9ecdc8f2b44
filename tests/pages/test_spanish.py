"""People read, and are answered, in Spanish as well as in English."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from portal.accounts.models import User
