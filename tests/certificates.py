"""Certificates of an authority of one's own, for tests of TLS."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def make_certificates(folder: Path, days: int = 30) -> Path:
    """Write server.pem and server.key, for localhost, and the authority's ca.pem; return that.

    The server's certificate ends in `days`, or did.
    """
    authority, key = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
    )
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "A team's authority")])
    now = datetime.now(UTC)

    def signed(subject: str, public, *extensions: x509.ExtensionType, end: int) -> bytes:
        made = x509.CertificateBuilder(
            name,
            x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)]),
            public,
            x509.random_serial_number(),
            now - timedelta(60),
            now + timedelta(end),
        )
        for extension in extensions:
            made = made.add_extension(extension, critical=False)
        signature = made.sign(authority, hashes.SHA256())
        return signature.public_bytes(serialization.Encoding.PEM)

    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    known = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
    itself = x509.SubjectKeyIdentifier.from_public_key(authority.public_key())
    usage = x509.KeyUsage(
        *(True, False, False, False, False, True, True), encipher_only=False, decipher_only=False
    )
    rights = x509.BasicConstraints(ca=True, path_length=0)
    ca = signed("A team's authority", authority.public_key(), rights, usage, itself, end=30)
    server = signed(
        "localhost", key.public_key(), x509.SubjectAlternativeName(names), known, end=days
    )
    (folder / "ca.pem").write_bytes(ca)
    (folder / "server.pem").write_bytes(server)
    (folder / "server.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "ca.pem"
