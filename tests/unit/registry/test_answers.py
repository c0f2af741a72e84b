import asyncio
import base64

import httpx
import pytest
from davit_registry import Denied, InvalidReference, NotFound, RegistryError, Unavailable, rest
from davit_registry.ca_certificates import create_ssl_context
from davit_registry.login import RegistryLogin
from davit_registry.rest import MlflowRest

URL = "http://mlflow.example:5000"
SECRET = "a-secret-that-somebody-sent"


async def answered(response: httpx.Response) -> RegistryError:
    async with MlflowRest(RegistryLogin(URL), transport=httpx.MockTransport(lambda _: response)) as server:
        with pytest.raises(RegistryError) as refusal:
            await server.get("/api/2.0/mlflow/registered-models/get", name="iris")
    return refusal.value


@pytest.mark.parametrize(
    ("status", "code", "kind", "reason"),
    [
        (400, "INVALID_PARAMETER_VALUE", InvalidReference, "InvalidReference"),
        (401, "", Denied, "RegistryDenied"),
        (401, "UNAUTHENTICATED", Denied, "RegistryDenied"),
        (403, "PERMISSION_DENIED", Denied, "RegistryDenied"),
        (404, "RESOURCE_DOES_NOT_EXIST", NotFound, "NotFound"),
        (404, "", Unavailable, "NotAnMlflowServer"),
        (400, "", Unavailable, "NotAnMlflowServer"),
        (405, "", Unavailable, "NotAnMlflowServer"),
        (204, "", Unavailable, "NotAnMlflowServer"),
        (301, "", Denied, "RegistryRedirects"),
        (307, "", Denied, "RegistryRedirects"),
        (429, "", Unavailable, "RegistryFailing"),
        (429, "REQUEST_LIMIT_EXCEEDED", Unavailable, "RegistryFailing"),
        (500, "INTERNAL_ERROR", Unavailable, "RegistryFailing"),
        (502, "", Unavailable, "RegistryFailing"),
        (503, "TEMPORARILY_UNAVAILABLE", Unavailable, "RegistryFailing"),
    ],
)
async def test_http_statuses_map_to_error_classes(status, code, kind, reason):
    body = {"error_code": code, "message": SECRET} if code else None
    response = httpx.Response(status, json=body) if body else httpx.Response(status, text=SECRET)
    error = await answered(response)
    assert (type(error), error.reason) == (kind, reason)
    assert URL in error.cause
    assert error.cure
    assert code in error.cause or kind is Denied


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 409, 429, 500, 503])
@pytest.mark.parametrize("code", [SECRET, SECRET.upper() + "=", "A" * 4000, 7, None, ["X"]])
async def test_the_body_of_a_response_is_never_quoted(status, code):
    error = await answered(httpx.Response(status, json=[{"error_code": code, "message": SECRET}]))
    also = (
        await answered(httpx.Response(status or 400, json={"error_code": code, "message": SECRET}))
        if status != 200
        else error
    )
    for text in (str(error), str(also)):
        assert SECRET.lower() not in text.lower()
        assert len(text) < 400


async def test_a_rejected_host_header_differs_from_rejected_credentials():
    text = "Invalid Host header - possible DNS rebinding attack detected"
    error = await answered(httpx.Response(403, text=text))
    assert (type(error), error.reason) == (Denied, "HostRefused")
    assert "add mlflow.example:5000 to MLFLOW_SERVER_ALLOWED_HOSTS" in error.cure


@pytest.mark.parametrize("text", ["<html>Welcome</html>", "[1]", '"ok"', "", "{"])
async def test_a_success_without_json_is_no_mlflow_server(text):
    assert (await answered(httpx.Response(200, text=text))).reason == "NotAnMlflowServer"


async def test_a_redirect_is_not_followed():
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(302, headers={"Location": "http://elsewhere.example/"})

    async with MlflowRest(RegistryLogin(URL, "me", SECRET), transport=httpx.MockTransport(answer)) as server:
        with pytest.raises(Denied, match="following a redirect would carry credentials elsewhere"):
            await server.get("/x")
    assert asked == [f"{URL}/x"]


@pytest.mark.parametrize(
    ("failure", "part"),
    [
        (httpx.ConnectError("refused"), "gives no answer (ConnectError)"),
        (httpx.ConnectTimeout("slow"), "gives no answer in time"),
        (httpx.ReadTimeout("slow"), "gives no answer in time"),
        (TimeoutError(), "gives no answer in time"),
        (httpx.LocalProtocolError(f"Illegal header value {SECRET}"), "gives no answer (LocalProtocolError)"),
    ],
)
async def test_no_answer_is_unavailable(failure, part):
    def fail(_: httpx.Request) -> httpx.Response:
        raise failure

    async with MlflowRest(RegistryLogin(URL), transport=httpx.MockTransport(fail)) as server:
        with pytest.raises(Unavailable) as refusal:
            await server.get("/x")
    assert refusal.value.reason == "RegistryUnreachable"
    assert part in refusal.value.cause
    assert SECRET not in str(refusal.value)


async def test_an_endless_response_times_out(monkeypatch):
    monkeypatch.setattr(rest, "WHOLE_SECONDS", 0.05)

    async def hang(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        return httpx.Response(200)

    async with MlflowRest(RegistryLogin(URL), transport=httpx.MockTransport(hang)) as server:
        with pytest.raises(Unavailable, match="gives no answer in time"):
            await server.get("/x")


async def test_an_unknown_ca_is_reported():
    def fail(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")

    async with MlflowRest(RegistryLogin(URL), transport=httpx.MockTransport(fail)) as server:
        with pytest.raises(Unavailable, match="provide the CA certificate") as refusal:
            await server.get("/x")
    assert refusal.value.reason == "RegistryUntrusted"


@pytest.mark.parametrize(("breaks", "works"), [(1, True), (2, False)])
async def test_a_broken_connection_is_retried_once(breaks, works):
    tries = []

    def answer(_: httpx.Request) -> httpx.Response:
        tries.append(1)
        if len(tries) <= breaks:
            raise httpx.RemoteProtocolError("Server disconnected")
        return httpx.Response(200, json={"works": True})

    async with MlflowRest(RegistryLogin(URL), transport=httpx.MockTransport(answer)) as server:
        if works:
            assert await server.get("/x") == {"works": True}
        else:
            with pytest.raises(Unavailable):
                await server.get("/x")
    assert len(tries) == 2


def basic(login: str) -> str:
    return "Basic " + base64.b64encode(login.encode()).decode()


@pytest.mark.parametrize(
    ("login", "header"),
    [
        (RegistryLogin(URL), None),
        (RegistryLogin(URL, "me", "pässword"), basic("me:pässword")),
        (RegistryLogin(URL, "me\n", "password\r\n"), basic("me:password")),
        (RegistryLogin(URL, "me", " pass word "), basic("me: pass word ")),
        (RegistryLogin(URL, token="token\n"), "Bearer token"),
        (RegistryLogin(URL, "me", "password", "token"), basic("me:password")),
        (RegistryLogin("http://me:p%40ss@mlflow.example:5000"), basic("me:p@ss")),
        (RegistryLogin("http://me:p%40ss@mlflow.example:5000", token="token"), "Bearer token"),
    ],
)
async def test_credentials_are_sent_with_every_request(login, header):
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"header": request.headers.get("Authorization")})

    async with MlflowRest(login, transport=httpx.MockTransport(answer)) as server:
        assert await server.get("/x") == {"header": header}
        assert server.login_headers() == ({"Authorization": header} if header else {})
        assert server.url == URL


def test_credentials_are_in_no_repr():
    assert repr(RegistryLogin(URL, "me", SECRET, SECRET)) == f"RegistryLogin(url={URL!r})"


async def test_the_base_url_may_have_a_path_and_ends_without_a_slash():
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"path": request.url.path})

    async with MlflowRest(RegistryLogin(URL + "/team/"), transport=httpx.MockTransport(answer)) as server:
        assert await server.get("/api/x") == {"path": "/team/api/x"}


@pytest.mark.parametrize(
    "url", ["", "mlflow", "mlflow:5000", "file:///mlruns", "http://", "sqlite:///x", "http://a:b:c"]
)
def test_an_invalid_url_is_rejected(url):
    with pytest.raises(InvalidReference, match="write http://HOST:PORT") as refusal:
        MlflowRest(RegistryLogin(url))
    assert refusal.value.reason == "InvalidRegistryUrl"


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_file_of_ca_certificates_that_is_none_is_refused_by_name(tmp_path, content):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InvalidReference, match=str(path)) as refusal:
        create_ssl_context(str(path))
    assert refusal.value.reason == "InvalidCaBundle"
