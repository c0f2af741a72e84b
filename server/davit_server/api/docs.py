"""Write the page `/docs`: the OpenAPI document without any external resource, so it works offline.

Third-party scripts would have to be shipped in every image and kept free of vulnerabilities; a reader of this
API needs only a list, the schemas, an example and a button.
"""

import base64
import hashlib
import json
from html import escape
from typing import Any

from davit_server.protocols.openapi import Schema

_STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .5rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; }
code, pre, textarea { font: .85rem/1.4 ui-monospace, monospace; }
pre, textarea { border: 1px solid var(--line); border-radius: .4rem; padding: .6rem; overflow: auto;
  max-height: 24rem; }
textarea { box-sizing: border-box; width: 100%; min-height: 10rem; }
.method { display: inline-block; min-width: 3.5rem; font-weight: 600; }
"""

_SCRIPT = """
for (const form of document.forms) form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = form.querySelector("pre");
  answer.hidden = false;
  answer.textContent = "waiting for the answer";
  const started = performance.now();
  try {
    const headers = {"Content-Type": "application/json"};
    const body = form.elements.body.value;
    const response = await fetch(form.getAttribute("action"), {method: "POST", headers, body});
    const text = await response.text();
    answer.textContent = `${response.status} in ${Math.round(performance.now() - started)} ms\\n${text}`;
  } catch (failure) {
    answer.textContent = String(failure);
  }
});
"""

_SCRIPT_HASH = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()

CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_SCRIPT_HASH}'; connect-src 'self'"
)
"""Lets a browser load nothing but the page itself. Texts of the model cannot run as scripts."""


def docs_page(document: dict[str, Any], model: str) -> str:
    """Return the page as HTML.

    Args:
        document: The OpenAPI document.
        model: Name and version of the model, as a heading.
    """
    operations = [
        _operation(method, path, operation)
        for path, methods in sorted(document["paths"].items(), key=lambda item: "post" not in item[1])
        for method, operation in methods.items()
    ]
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(model)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(model)}</h1>"
        f"<p>{escape(document['info']['title'])} {escape(document['info']['version'])}; "
        'for programs: <a href="openapi.json">openapi.json</a>.</p>'
        f"{''.join(operations)}<script>{_SCRIPT}</script></body></html>"
    )


def _operation(method: str, path: str, operation: Schema) -> str:
    """Return one operation as a section to unfold; that of `/invocations` is open."""
    parts = [f"<p>{escape(operation['description'])}</p>" if "description" in operation else ""]
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(_request(path, media, content))
    parts += [_response(status, response) for status, response in operation.get("responses", {}).items()]
    return (
        f"<details{' open' if path == '/invocations' else ''}>"
        f"<summary><span class=method>{escape(method.upper())}</span> <code>{escape(path)}</code> "
        f"{escape(operation.get('summary', ''))}</summary>{''.join(parts)}</details>"
    )


def _request(path: str, media: str, content: Schema) -> str:
    """Return a request body: its schema and, for JSON, an example to send from here or from a shell."""
    schema = _folded(f"Body as {media}", content.get("schema", {}))
    if media != "application/json" or "{" in path:
        return schema
    body = json.dumps(content.get("example", {}))
    quoted = body.replace("'", "'\\''")
    curl = f"curl $SERVER{path} -H 'Content-Type: {media}' -d '{quoted}'"
    return (
        f"{schema}<p>With <code>SERVER</code> as this page's address without <code>/docs</code>:</p>"
        f"<pre>{escape(curl)}</pre>"
        f'<form action="{escape(path.removeprefix("/"))}"><textarea name=body spellcheck=false '
        f'aria-label="request body">{escape(_pretty(content.get("example", {})))}</textarea>'
        "<button>Send</button><pre hidden></pre></form>"
    )


def _response(status: str, response: Schema) -> str:
    """Return one status: what it means, and the schema of its body."""
    title = f"{status}: {response.get('description', '')}"
    content = response.get("content", {}).get("application/json", {})
    return _folded(title, content["schema"]) if content.get("schema") else f"<p>{escape(title)}</p>"


def _folded(title: str, schema: Schema) -> str:
    return f"<details><summary>{escape(title)}</summary><pre>{escape(_pretty(schema))}</pre></details>"


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=1)
