"""A model that breaks at run time, long after its smoke test, is what DavitModelErrors looks for."""

import copy
import urllib.parse
from pathlib import Path

from support.charts.rendering import documents, render
from support.cluster.live import Place
from support.metrics.prometheus import prometheus

from examples.demo.serving import send
from examples.demo.stage import REQUEST
from examples.demo.waiting import until


def expression(alert: str) -> str:
    switches = [f"metrics.{name}.enabled=true" for name in ("prometheusRule", "serviceMonitor", "podMonitor")]
    rendered = render("davit-operator", "davit", "--set", ",".join(switches))
    [rules] = [obj for obj in documents(rendered) if obj["kind"] == "PrometheusRule"]
    every = [rule for group in rules["spec"]["groups"] for rule in group["rules"]]
    return next(rule["expr"] for rule in every if rule["alert"] == alert)


def test_a_model_that_raises_makes_the_alerts_expression_true(place: Place, models, tmp_path: Path):
    broken = copy.deepcopy(REQUEST)
    broken["dataframe_split"]["data"] = [[-1.0, 0.0, 0.0, 0.0]]
    alert = expression("DavitModelErrors")
    place.deploy("moody", f"models:/e2e-moody/{models['moody']['version']}")
    place.wait_ready("moody")
    labels = {"namespace": place.namespace, "deployment": "moody"}
    with (
        place.kubectl.forward(place.namespace, "svc/moody", 80) as url,
        prometheus(urllib.parse.urlsplit(url).netloc, {}, tmp_path) as server,
    ):

        def well() -> bool:
            assert send(url, REQUEST).status == 200
            return bool(server.query('rate(davit_requests_total{outcome="ok"}[5m]) > 0'))

        until(well, "answers that are counted", seconds=60)
        assert server.query(alert) == []

        def fires() -> list:
            assert send(url, broken).status == 400
            return server.query(alert)

        [firing] = until(fires, "the expression of DavitModelErrors", seconds=120)
        assert firing["metric"] == labels
        [pod] = place.pods("moody")
        log = place.run("logs", pod["metadata"]["name"], "--container", "serve")
    warnings = [line for line in log.splitlines() if "the model raised on a request" in line]
    assert warnings
    assert all('"level": "warning"' in line and "ConnectionError" in line for line in warnings)
    assert "feature store" not in log, "the text of the exception may quote the request"
