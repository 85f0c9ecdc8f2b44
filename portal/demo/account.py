"""The system account the embedded servers run as: ours, or `nobody` when we are root."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OTHERS_MAY_ENTER = 0o001


@dataclass(frozen=True)
class Account:
    """A user and group id, and whether taking them means giving up root."""

    user: int
    group: int
    is_switch: bool

    @classmethod
    def ours(cls) -> "Account":
        """The account we run as; nothing is switched."""
        return cls(os.geteuid(), os.getegid(), False)

    @classmethod
    def for_servers(cls) -> "Account":
        """PostgreSQL refuses to run as root, so root runs it, and Valkey beside it, as `nobody`."""
        if os.geteuid() != 0:
            return cls.ours()
        nobody = pwd.getpwnam("nobody")
        return cls(nobody.pw_uid, nobody.pw_gid, True)

    @property
    def popen_options(self) -> dict[str, Any]:
        """Arguments for subprocess.Popen and run."""
        if not self.is_switch:
            return {}
        return {"user": self.user, "group": self.group, "extra_groups": []}

    def can_enter(self, path: Path) -> bool:
        """Whether every folder above `path` lets this account through (only asked after a switch)."""
        return not self.is_switch or all(
            parent.stat().st_mode & OTHERS_MAY_ENTER for parent in path.resolve().parents if parent.exists()
        )

    def private_folder(self, path: Path) -> Path:
        """Makes `path`, or takes it as it is, and gives it to this account alone (mode 0700)."""
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700)
        if self.is_switch:
            os.chown(path, self.user, self.group)
        return path
