"""`python -m portal.sandbox --port 8001 [--host 127.0.0.1] [--state DIR]`."""

import argparse
import logging
from pathlib import Path

from aiohttp import web

from portal.sandbox.app import build_app


def main() -> None:
    parser = argparse.ArgumentParser(prog="portal.sandbox", description="The simulated messaging platforms.")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--state", type=Path, help="directory that keeps phones over restarts; none keeps nothing"
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="sandbox %(levelname)s %(message)s")
    logging.getLogger(__name__).info("serving on http://%s:%s", options.host, options.port)
    web.run_app(
        build_app(options.state),
        host=options.host,
        port=options.port,
        access_log=None,
        print=None,
        shutdown_timeout=1.0,
        handler_cancellation=True,
    )


if __name__ == "__main__":
    main()
