"""Self-signed certificates for servers of the tests."""

import datetime as dt
import ipaddress
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def write_certificate(path: Path, *names: str, **about: Any) -> Path:
    """A self-signed certificate with its key, in one PEM file: CA and server at once."""
    certificate, private = make_certificate(*names, **about)
    path.write_text(private + certificate)
    return path


def make_certificate(
    *names: str, address: str = "127.0.0.1", begins_hours: float = -1, ends_hours: float = 1
) -> tuple[str, str]:
    """A certificate for an IP address and DNS names, as two PEM texts: certificate and key.

    Args:
        names: DNS names.
        address: IP address.
        begins_hours: From when it is valid, in hours from now.
        ends_hours: Until when.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a private authority")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(hours=begins_hours))
        .not_valid_after(now + dt.timedelta(hours=ends_hours))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address(address)), *map(x509.DNSName, names)]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode()
