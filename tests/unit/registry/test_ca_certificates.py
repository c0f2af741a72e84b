"""CA certificates given as text become a file that every client reads."""

import ssl
from pathlib import Path

import pytest
from davit_registry import InvalidReference
from davit_registry.ca_certificates import create_ssl_context, write_ca_file
from support.servers.certificates import write_certificate


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> str:
    pem = write_certificate(tmp_path_factory.mktemp("ca") / "ca.pem").read_text()
    return pem[pem.index("-----BEGIN CERTIFICATE") :]


def test_the_file_holds_the_systems_ca_certificates_and_these(certificate):
    path = write_ca_file(certificate)
    known = ssl.create_default_context(cafile=path).get_ca_certs(binary_form=True)
    system = create_ssl_context().get_ca_certs(binary_form=True)
    assert set(known) == {*system, ssl.PEM_cert_to_DER_cert(certificate)}
    assert Path(path).read_text() == Path(path).read_text(), "it can be read again and again"


def test_without_certificates_there_is_no_file():
    assert write_ca_file("") == ""
    assert write_ca_file("  \n") == ""


@pytest.mark.parametrize(
    "text", ["no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_an_invalid_certificate_is_rejected_by_the_name_of_its_variable(text):
    with pytest.raises(InvalidReference, match="DAVIT_CA_CERTIFICATES"):
        write_ca_file(text)
