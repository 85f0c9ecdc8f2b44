"""Batches: `batch=[{method, relative_url, body?}, …]`, at most 50, answered in order."""

import json
import re
from urllib.parse import parse_qsl

from portal.sandbox.graph.call import Call, Reply, check_version, parameter
from portal.sandbox.graph.errors import GraphError, invalid

MOST = 50
VERSION = re.compile(r"v(\d+)\.0(?:/|$)")


def read_batch(call: Call) -> list[Call | GraphError]:
    """The calls of a batch; an unreadable one stands as its own error. Raises when the whole is wrong."""
    items = parameter(call.params, "batch")
    if not isinstance(items, list) or not items:
        raise invalid("Param batch must be a JSON array")
    if len(items) > MOST:
        raise invalid(f"Too many requests in batch message. Maximum batch size is {MOST}")
    shared = {key: call.params[key] for key in ("access_token", "appsecret_proof") if key in call.params}
    return [_read_item(item, shared, call.token) for item in items]


def _read_item(item: object, shared: dict, token: str) -> Call | GraphError:
    if not isinstance(item, dict) or not isinstance(item.get("relative_url"), str):
        return invalid("Each batch item needs method and relative_url")
    path, _, query = item["relative_url"].lstrip("/").partition("?")
    try:
        version = VERSION.match(path)
        if version:
            check_version(int(version[1]))
            path = path[version.end() :]
        own = {**dict(parse_qsl(query)), **_read_body(item.get("body"))}
    except GraphError as error:
        return error
    return Call(str(item.get("method", "GET")).upper(), path.strip("/"), {**shared, **own}, token=token)


def _read_body(body: object) -> dict:
    """Form text, as Meta documents; JSON text or an object are taken as well."""
    if body is None:
        return {}
    if isinstance(body, dict):
        return body
    if not isinstance(body, str):
        raise invalid("A batch item's body must be text")
    if body.lstrip().startswith("{"):
        try:
            return json.loads(body)
        except ValueError:
            raise invalid("A batch item's body is not valid JSON") from None
    return dict(parse_qsl(body, keep_blank_values=True))


def slot(reply: Reply) -> dict:
    """One item of a batch's answer; its body is JSON as text."""
    headers = [{"name": name, "value": value} for name, value in reply.headers.items()]
    return {"code": reply.status, "headers": headers, "body": json.dumps(reply.body, separators=(",", ":"))}
