"""The sandbox: simulated messaging platforms that banks, the demo and the tests send to over HTTP.

A process of its own (`python -m portal.sandbox --port 8001 --state DIR`) that imports nothing of the rest of
the project, so that what it accepts and refuses is an independent reading of the platforms' contracts.
`/help` of a running sandbox documents its interface.
"""
