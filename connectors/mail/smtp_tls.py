"""The certificate of the SMTP listener: loaded at the start, and tried by `switchboard check` with the same words."""

import ssl
from pathlib import Path

from connectors.mail.settings import SmtpSettings

CERT = "smtp.tls_cert"
KEY = "smtp.tls_key"


class CertificateError(ValueError):
    """A certificate or its key cannot be used. `key` names the setting, `reason` says what is wrong with its file."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}")
        self.key = key
        self.reason = reason


class _LockedKeyError(Exception):
    """OpenSSL asks for a password; a daemon has nobody to ask."""


def tls_context(settings: SmtpSettings) -> ssl.SSLContext | None:
    """Load the certificate for STARTTLS; None when none is configured. Raises `CertificateError`."""
    if settings.tls_cert is None:
        return None
    key = settings.tls_key
    for name, path in ((CERT, settings.tls_cert), (KEY, key)):
        _readable(name, path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.tls_cert, key, password=_no_password)
    except _LockedKeyError as error:
        raise CertificateError(KEY if key else CERT, f"the key in {key or settings.tls_cert} has a password") from error
    except ssl.SSLError as error:
        raise _explained(settings.tls_cert, key, error) from error
    return context


def _readable(name: str, path: Path | None) -> None:
    try:
        if path is not None:
            path.open("rb").close()
    except OSError as error:
        raise CertificateError(name, f"{path}: {error.strerror}") from error


def _no_password() -> str:
    raise _LockedKeyError


def _explained(cert: Path, key: Path | None, error: ssl.SSLError) -> CertificateError:
    """Say which of the two files it is: OpenSSL itself often says "PEM lib" for both."""
    if error.reason == "KEY_VALUES_MISMATCH":
        return CertificateError(KEY if key else CERT, f"the key in {key or cert} is not that of the certificate")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cafile=cert)
    except ssl.SSLError:
        return CertificateError(CERT, f"{cert} holds no certificate in PEM that can be read")
    if error.reason in (None, "PEM", "NO_START_LINE", "BAD_END_LINE", "BAD_BASE64_DECODE", "UNSUPPORTED"):
        return CertificateError(KEY if key else CERT, f"{key or cert} holds no private key in PEM that can be read")
    return CertificateError(CERT, f"{cert} is not accepted: {error.reason}")
