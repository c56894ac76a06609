"""X.509 certificates: an authority that may speak for AWS's domains only, and the leaves that it signs.

Importing this costs 20 MB and 0.1 s, so `ca` does it only when a certificate must be made.
"""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = timedelta(days=3650)
LEAF_LIFE = timedelta(days=90)
SLACK = timedelta(days=1)  # a client's clock may be behind


def authority(domains: tuple[str, ...]) -> tuple[bytes, bytes]:
    """A new private key and its certificate, both PEM, good for hosts within `domains` and no others."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Clary, for AWS's hosts on this machine")
    permitted = x509.NameConstraints([x509.DNSName(domain) for domain in domains], None)
    made = (
        _begin(key.public_key(), LIFE)
        .subject_name(name)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(permitted, critical=True)
        .sign(key, hashes.SHA256())
    )
    return _pem(key), made.public_bytes(serialization.Encoding.PEM)


def leaf(key_pem: bytes, authority_pem: bytes, host: str) -> bytes:
    """A new private key and a certificate for `host`, signed by the authority, in one PEM."""
    authority_key = serialization.load_pem_private_key(key_pem, None)
    assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
    issuer = x509.load_pem_x509_certificate(authority_pem)
    key = ec.generate_private_key(ec.SECP256R1())
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    made = (
        _begin(key.public_key(), LEAF_LIFE)
        .subject_name(_name(host if len(host) <= 64 else "Clary"))  # X.520's limit
        .issuer_name(issuer.subject)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(issuer_key, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    return _pem(key) + made.public_bytes(serialization.Encoding.PEM)


def _begin(key: ec.EllipticCurvePublicKey, life: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SLACK)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
