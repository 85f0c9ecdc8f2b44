"""The folder that holds everything a launcher keeps, and the lock that makes it the only one there."""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import stat
from pathlib import Path
from typing import Any, TextIO

from portal.demo.account import Account
from portal.demo.refusal import Refusal

SOCKET_PATH_LIMIT = 107  # sockaddr_un.sun_path on Linux, without its closing zero
LONGEST_SOCKET_NAME = ".s.PGSQL.5432.lock"
REACHABLE_FOLDERS = (Path("/var/lib"), Path("/var/tmp"))  # noqa: S108 - an unguessable private folder is made inside


class State:
    """A state folder, held by a lock from `hold` to `release`.

    Layout: `log/` one file a process, `pg/` and `valkey/` the servers' data, `s/` their sockets, `sandbox/`,
    `secrets.json`, `environment.json` (what `make shell` attaches to), `children.json`.
    """

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self.account = Account.for_servers()
        self._lock: TextIO | None = None

    def hold(self) -> None:
        """Makes the folder and takes its lock; raises Refusal when another launcher has it."""
        self._make()
        lock = (self.home / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise Refusal(
                f"Another launcher is running on {self.home}. Stop it first, or give this one a folder and a"
                " port of its own, as in: make demo DEMO_DIR=var/second PORT=8100",
                exit_code=2,
            ) from None
        self._lock = lock

    def release(self) -> None:
        """Gives the lock back."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def is_held_elsewhere(self) -> bool:
        """Whether a launcher is running on this folder now."""
        if not (self.home / "lock").exists():
            return False
        try:
            self.hold()
        except Refusal:
            return True
        self.release()
        return False

    def _make(self) -> None:
        try:
            (self.home / "log").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refusal(f"The folder {self.home} cannot be made: {error.strerror}.", exit_code=2) from error

    def log(self, name: str) -> Path:
        return self.home / "log" / f"{name}.log"

    def write_private(self, name: str, content: Any) -> None:
        """Writes JSON that only we may read, in one step, so that a reader sees all of it or the old one."""
        draft = self.home / f".{name}.new"
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(content, file, indent=1)
        draft.replace(self.home / name)

    def read(self, name: str) -> Any | None:
        """The JSON kept under `name`, or None."""
        try:
            return json.loads((self.home / name).read_text())
        except (FileNotFoundError, ValueError):
            return None

    def server_folder(self, name: str) -> Path:
        """A private folder for a server's data, given to the account it runs as."""
        return self.account.private_folder(self._servers_home / name)

    @property
    def _servers_home(self) -> Path:
        """Our own folder, or, where root keeps us behind folders that `nobody` may not enter, one that it
        may.
        """
        if self.account.can_enter(self.home / "pg"):
            return self.home
        return _reachable_home(self._place_id())

    def _place_id(self) -> str:
        """A random name kept with the state, so that a folder deleted and made anew does not find old
        data.
        """
        known = self.read("place.json")
        if not isinstance(known, str):
            known = secrets.token_hex(4)
            self.write_private("place.json", known)
        return known

    def socket_folder(self) -> Path:
        """A private folder for the servers' sockets, short enough for a socket's path."""
        folder = self._servers_home / "s"
        if len(os.fsencode(folder / LONGEST_SOCKET_NAME)) <= SOCKET_PATH_LIMIT:
            return self.account.private_folder(folder)
        return self._short_folder()

    def _short_folder(self) -> Path:
        """`/tmp` is everybody's, so a folder found there is taken only if it is a real one and ours alone."""
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]
        folder = Path(f"/tmp/parley-{os.geteuid()}-{digest}")  # noqa: S108 - checked below
        try:
            folder.mkdir(mode=0o700)
            self.account.private_folder(folder)
        except FileExistsError:
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != self.account.user or found.st_mode & 0o077:
                raise Refusal(
                    f"{folder} exists and is not a private folder of ours. Remove it.", exit_code=2
                ) from None
        return folder

    def program_folder(self, original: Path, *parts: Path) -> Path:
        """`original`, or a copy of the `parts` below it that the servers' account can reach.

        A virtualenv below root's home is closed to `nobody`; PostgreSQL's binaries find their libraries by a
        path relative to themselves, so the copy keeps the shape of the original.
        """
        if all(self.account.can_enter(original / part / "x") for part in parts):
            return original
        copy = self._servers_home / "programs"
        for part in parts:
            if not (copy / part).exists():
                _copy_readable(original / part, copy / part)
        return copy


def _copy_readable(source: Path, target: Path) -> None:
    """Copies a tree in two steps, so that a copy cut short is not taken for a whole one."""
    draft = target.with_name(target.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, draft, symlinks=True)
    draft.rename(target)


def _reachable_home(place: str) -> Path:
    for folder in REACHABLE_FOLDERS:
        home = folder / f"parley-{place}"
        try:
            home.mkdir(mode=0o711, exist_ok=True)
        except OSError:
            continue
        if not home.is_symlink() and home.stat().st_uid == os.geteuid():
            home.chmod(0o711)
            return home
    raise Refusal(
        "PostgreSQL cannot run as root, and user nobody may not enter this folder. Give one it may enter, as"
        " in: make demo DEMO_DIR=/var/lib/parley",
        exit_code=2,
    )
