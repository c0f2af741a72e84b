"""Steady traffic while a version is promoted, and the counts as text."""

from examples.demo.kubectl import Kubectl
from examples.demo.load_job import LoadJob, Summary
from examples.demo.stage import MODEL, MODEL_NAMESPACE, REQUEST, SERVER_IMAGE


def load(kubectl: Kubectl) -> LoadJob:
    """Start 50 requests a second, over eight connections, through the Service."""
    url = f"http://{MODEL}.{MODEL_NAMESPACE}.svc/invocations"
    rows = len(REQUEST["dataframe_split"]["data"])
    return LoadJob(kubectl, MODEL_NAMESPACE).start(url, REQUEST, rows, image=SERVER_IMAGE)


def describe(counts: Summary) -> str:
    """Format the counts as a small table, and the latency."""
    lines = [f"requests {kind:<9}{counts[kind]:>7}" for kind in ("sent", "answered", "failed")]
    lines += [
        f"answered by version {version:<4}{count:>5}" for version, count in counts["by_version"].items()
    ]
    latency = counts["latency_ms"]
    lines.append(f"latency: half below {latency['p50']} ms, 99 of 100 below {latency['p99']} ms")
    return "\n".join(lines)
