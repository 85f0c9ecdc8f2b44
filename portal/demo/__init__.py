"""The launcher: every process of the portal under one foreground command, with its own PostgreSQL and Valkey.

`python -m portal.demo` runs the demo; `python -m portal.demo.run_with_services -- COMMAND` lends the two
servers to one command, such as the tests. Nothing here is used in production, where the operator's own tools
start the same processes (docs/operations.md).
"""
