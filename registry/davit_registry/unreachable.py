"""Why a server gives no response: unreachable, too slow, or an invalid certificate.

Apart from the HTTP clients, so that every one of them (httpx, botocore, the standard library) can use it.
"""

import ssl
from dataclasses import dataclass

from davit_registry.errors import StoreUnavailable, Unavailable

_EXPIRED = 10  # numbers of OpenSSL's X509_V_ERR_*, which the ssl module gives no names
_NOT_YET_VALID = 9
_WRONG_NAME = {62, 63, 64}  # of host, e-mail and IP address
_UNTRUSTED_TEXT = "CERTIFICATE_VERIFY_FAILED"
_CHECK_ADDRESS = "check its address, and that it runs and can be reached from here; this is retried"


@dataclass(frozen=True, slots=True)
class Reasons:
    """The class and the reasons of errors of one kind of server."""

    error: type[Unavailable]
    unreachable: str
    expired: str
    not_yet_valid: str
    wrong_host: str
    untrusted: str


REGISTRY = Reasons(
    Unavailable,
    unreachable="RegistryUnreachable",
    expired="RegistryCertificateExpired",
    not_yet_valid="RegistryCertificateNotYetValid",
    wrong_host="RegistryCertificateWrongHost",
    untrusted="RegistryUntrusted",
)
STORE = Reasons(
    StoreUnavailable,
    unreachable="StoreUnreachable",
    expired="StoreCertificateExpired",
    not_yet_valid="StoreCertificateNotYetValid",
    wrong_host="StoreCertificateWrongHost",
    untrusted="StoreUntrusted",
)


def connection_error(
    error: BaseException, server: str, reasons: Reasons, *, slow: bool, cure: str = _CHECK_ADDRESS
) -> Unavailable:
    """Explain why a server gave no response.

    Args:
        error: What the client raised.
        server: What a message calls the server.
        reasons: Those for this kind of server.
        slow: Whether the error is that of a timeout.
        cure: What to do about a server that cannot be reached.
    """
    if problem := certificate_problem(error, server, reasons):
        return problem
    what = "gives no answer in time" if slow else f"gives no answer ({type(error).__name__})"
    return reasons.error(f"{server} {what}", reason=reasons.unreachable, cure=cure)


def certificate_problem(error: BaseException, server: str, reasons: Reasons) -> Unavailable | None:
    """Explain what is wrong with a server's certificate; None for any other error.

    Args:
        error: What the client raised; the error of the ssl module may be anywhere behind it.
        server: What a message calls the server.
        reasons: Those for this kind of server.
    """
    found = _verify_code(error, set())
    if found is None and _UNTRUSTED_TEXT not in str(error):
        return None
    match found:
        case code if code == _EXPIRED:
            return reasons.error(
                f"the certificate of {server}, or one that signed it, has expired",
                reason=reasons.expired,
                cure="renew it; if it is still valid, set the clock of this node right",
            )
        case code if code == _NOT_YET_VALID:
            return reasons.error(
                f"the certificate of {server}, or one that signed it, is not valid yet",
                reason=reasons.not_yet_valid,
                cure="check the clocks of this node and of the server: one of them is wrong, "
                "or the certificate begins later",
            )
        case code if code in _WRONG_NAME:
            return reasons.error(
                f"the certificate of {server} is for another host name",
                reason=reasons.wrong_host,
                cure="use an address that the certificate names, or issue it for this one "
                "(subjectAltName: a DNS name, or the IP address)",
            )
    return reasons.error(
        f"the certificate of {server} is not signed by a trusted CA certificate",
        reason=reasons.untrusted,
        cure="provide the CA certificate that signed it: DAVIT_CA_CERTIFICATES",
    )


def _verify_code(error: BaseException | None, seen: set[int]) -> int | None:
    """Find OpenSSL's number in the ssl module's error behind a client's: clients chain it, or keep it."""
    if error is None or id(error) in seen:
        return None
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_code
    if type(error).__name__ == "CertificateError":  # urllib3 compares host names by itself
        return min(_WRONG_NAME)
    seen.add(id(error))
    kept = [one for one in (*error.args, getattr(error, "reason", None)) if isinstance(one, BaseException)]
    behind = (error.__cause__, error.__context__, *kept)
    codes = (_verify_code(one, seen) for one in behind)
    return next((code for code in codes if code is not None), None)
