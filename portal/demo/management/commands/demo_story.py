"""`manage.py demo_story`: fills a fresh demo and prints who can sign in."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from portal.demo.story import tell_story


class Command(BaseCommand):
    """Safe to run again: what is there stays."""

    help = "Fills a fresh demo with a small story and prints addresses and sign-ins."

    def handle(self, *args: Any, **options: Any) -> None:
        """Needs the web, the workers and the sandbox running."""
        path = tell_story()
        demo = json.loads(path.read_text())
        rows = [(one["email"], one["totp_secret"], "platform staff") for one in demo["staff"]]
        for partner in demo["partners"]:
            for one in partner["members"]:
                rows.append((one["email"], one["totp_secret"], f"{partner['name']}, {one['role']}"))
        rows += [(one["email"], "", "a person") for one in demo["people"]]
        self.stdout.write(f"Everybody's password is {demo['people'][0]['password']}")
        for email, secret, who in rows:
            self.stdout.write(f"  {email:32} {who:32} {'TOTP ' + secret if secret else ''}".rstrip())
        self.stdout.write(f"All of it, with API clients and customers: {path}")
