"""A small OpenID Connect provider, run by the tests as a process of its own.

It knows one client and everybody who types an address. `POST /control` gives it the faults of what follows: `claims`
replaces parts of the ID token (null leaves one out), `configuration` parts of the description, `fault` is "down",
"slow", "other key", "no id token", "other person" or "broken keys".
"""

import base64
import hashlib
import html
import json
import secrets
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey

CLIENT, SECRET = "parley", "a client secret of the tests"
KEY = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"}, auto_kid=False)
OTHER = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"}, auto_kid=False)
CALM: dict[str, Any] = {"claims": {}, "configuration": {}, "fault": ""}
codes: dict[str, dict[str, str]] = {}
people: dict[str, dict[str, Any]] = {}
control = dict(CALM)


class Provider(BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self) -> None:
        """The description, the keys, the page to sign in on, and who somebody is."""
        path = urlsplit(self.path).path
        if control["fault"] == "slow":
            time.sleep(8)  # longer than anybody waits
        if control["fault"] == "down":
            return self._say(503, {})
        if path == "/.well-known/openid-configuration":
            return self._say(200, _configuration(self.issuer) | control["configuration"])
        if path == "/jwks":
            keys = "none" if control["fault"] == "broken keys" else [KEY.as_dict(private=False)]
            return self._say(200, {"keys": keys})
        if path == "/authorize":
            return self._ask()
        if path == "/userinfo":
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            return self._say(200, people[token]) if token in people else self._say(401, {})
        self._say(404, {})

    def do_POST(self) -> None:
        """Somebody has signed in; the portal fetches the tokens; the tests give faults."""
        path, body = urlsplit(self.path).path, self.rfile.read(int(self.headers["Content-Length"]))
        if path == "/control":
            control.update(CALM | json.loads(body))
            return self._say(200, {})
        form = dict(parse_qsl(body.decode()))
        return self._sign_in(form) if path == "/authorize" else self._token(form)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"  # type: ignore[attr-defined]

    def _ask(self) -> None:
        asked = dict(parse_qsl(urlsplit(self.path).query))
        known = asked.get("client_id") == CLIENT and asked.get("response_type") == "code"
        if (
            not known
            or asked.get("code_challenge_method") != "S256"
            or "openid" not in asked.get("scope", "")
        ):
            return self._say(400, {"error": "invalid_request"})
        hidden = "".join(
            f'<input type="hidden" name="{name}" value="{html.escape(value)}">'
            for name, value in asked.items()
        )
        page = f'<!doctype html><html lang="en"><title>Norden sign-in</title><h1>Norden sign-in</h1><form method="post">{hidden}'
        page += '<label>Address <input name="email"></label><button>Sign in</button></form></html>'
        self._say(200, page)

    def _sign_in(self, form: dict[str, str]) -> None:
        code = secrets.token_urlsafe(16)
        codes[code] = form
        back = {"code": code, "state": form["state"], "iss": self.issuer}
        self.send_response(302)
        self.send_header("Location", f"{form['redirect_uri']}?{urlencode(back)}")
        self.end_headers()

    def _token(self, form: dict[str, str]) -> None:
        asked = codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            asked is None
            or (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET)
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form.get("redirect_uri")
        ):
            return self._say(400, {"error": "invalid_grant"})
        now = int(time.time())
        person = {"sub": hashlib.sha256(asked["email"].encode()).hexdigest()[:20], "email": asked["email"]}
        person |= {"email_verified": True, "name": asked["email"].split("@")[0].title()}
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked.get("nonce"),
            **person,
        }
        claims = {name: value for name, value in (claims | control["claims"]).items() if value is not None}
        token = secrets.token_urlsafe(16)
        people[token] = person | ({"sub": "somebody else"} if control["fault"] == "other person" else {})
        key = OTHER if control["fault"] == "other key" else KEY
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": 60}
        if control["fault"] != "no id token":
            answer["id_token"] = jwt.encode({"alg": "ES256", "kid": "one"}, claims, key)
        self._say(200, answer)

    def _say(self, status: int, what: Any) -> None:
        is_page = isinstance(what, str)
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if is_page else "application/json")
        self.end_headers()
        self.wfile.write((what if is_page else json.dumps(what)).encode())

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def _configuration(issuer: str) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/jwks",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
    }


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
