"""CA certificates given as text become a file that every client reads."""

import ssl
from pathlib import Path

import pytest
from davit_registry import InvalidReference
from davit_registry.authorities import authorities_file
from davit_registry.trust import trust
from support.servers.certificates import write_certificate


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> str:
    pem = write_certificate(tmp_path_factory.mktemp("ca") / "ca.pem").read_text()
    return pem[pem.index("-----BEGIN CERTIFICATE") :]


def test_the_bundle_contains_public_and_configured_cas(authority):
    path = authorities_file(authority)
    known = ssl.create_default_context(cafile=path).get_ca_certs(binary_form=True)
    usual = trust().get_ca_certs(binary_form=True)
    assert set(known) == {*usual, ssl.PEM_cert_to_DER_cert(authority)}
    assert Path(path).read_text() == Path(path).read_text(), "it can be read again and again"


def test_without_certificates_there_is_no_file():
    assert authorities_file("") == ""
    assert authorities_file("  \n") == ""


@pytest.mark.parametrize(
    "text", ["no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_an_invalid_certificate_is_rejected_by_the_name_of_its_variable(text):
    with pytest.raises(InvalidReference, match="DAVIT_CA_CERTIFICATES"):
        authorities_file(text)
