"""X.509 certificates as SAML uses them: as a wrapping of a public key, pinned by whoever trusts it."""

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from partners.oidc.discovery import Doubtful
from partners.sender_checks import Finding

MOST_CERTIFICATES = 4
_LEAST_BITS = 2048
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_OWN_YEARS = 10


class Certificate(NamedTuple):
    """`text` is its DER in base64; `fingerprint` the SHA-256 of the DER, as providers show it."""

    text: str
    fingerprint: str
    begins: datetime
    ends: datetime

    @property
    def is_in_time(self) -> bool:
        """Whether it is valid now."""
        return self.begins <= datetime.now(UTC) < self.ends

    @property
    def days_left(self) -> int:
        """Whole days until it ends; negative once it has."""
        return (self.ends - datetime.now(UTC)).days


@lru_cache(maxsize=256)
def read_certificate(text: str) -> Certificate:
    """From base64. Raises Doubtful for what is none, or has a key too weak to trust."""
    try:
        der = base64.b64decode("".join(text.split()), validate=True)
        found = x509.load_der_x509_certificate(der)
        key = found.public_key()
    except (binascii.Error, ValueError, TypeError) as error:
        raise Doubtful("One of the certificates is none: paste it as PEM, or as base64.") from error
    is_strong = key.key_size >= _LEAST_BITS if isinstance(key, rsa.RSAPublicKey) else None
    if is_strong is None and not isinstance(key, ec.EllipticCurvePublicKey):
        raise Doubtful("One of the certificates has a key that is neither RSA nor of an elliptic curve.")
    if is_strong is False:
        raise Doubtful(f"One of the certificates has an RSA key of less than {_LEAST_BITS} bits.")
    digest = found.fingerprint(SHA256()).hex(":").upper()
    kept = base64.b64encode(der).decode()
    return Certificate(kept, digest, found.not_valid_before_utc, found.not_valid_after_utc)


def split_pem(text: str) -> list[str]:
    """The base64 of each certificate in a text; one that has no frame around it stands alone."""
    return _PEM.findall(text) or ([text] if text.strip() else [])


def as_pem(text: str) -> str:
    """A certificate's base64, in lines and with its frame."""
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----"])


def make_own(name: str) -> tuple[bytes, str]:
    """A new key to sign requests with, as PEM, and its certificate, as base64: both are to be kept."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_LEAST_BITS)
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=365 * _OWN_YEARS))
        .sign(key, SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem, base64.b64encode(made.public_bytes(Encoding.DER)).decode()


def check_certificates(texts: list[str]) -> list[Finding]:
    """Whether there is one to trust today. A provider that speaks SAML is asked by browsers only, so that it works
    is shown by signing in there.
    """
    found = [read_certificate(text) for text in texts]
    if any(one.is_in_time for one in found):
        return [Finding("Certificates", True, f"Valid today: {sum(one.is_in_time for one in found)}.")]
    return [
        Finding(
            "Certificates", False, "None is valid today. Paste the one that your provider signs with now."
        )
    ]
