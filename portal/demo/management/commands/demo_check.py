"""`manage.py demo_check`: plays the main job against the running demo."""

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.demo.check import Play


class Command(BaseCommand):
    """Exits 1 where the story breaks."""

    help = "Plays the main job against the running demo and prints its timeline."

    def handle(self, *args: Any, **options: Any) -> None:
        """Needs `demo_story` to have run."""
        path = Path(os.environ.get("DEMO_DIR", "var/demo")) / "demo.json"
        try:
            Play(path, self.stdout.write).run()
        except (AssertionError, TimeoutError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(self.style.SUCCESS("The main job works end to end."))
