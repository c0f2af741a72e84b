"""The cluster that is damaged on purpose, under a name of its own, and the pod that must survive it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from devcluster.binaries.build import ensure_binary
from devcluster.node.paths import Paths
from devcluster.node.processes import read_record
from devcluster.node.system_images import BUSYBOX_IMAGE
from examples.demo.waiting import until

NAME = "davit-crash"
PATHS = Paths(NAME)
ROOT = Path(__file__).parents[3]
COMPONENTS = [
    *("containerd", "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"),
    *("kubelet", "kube-proxy"),
]
STORY = f"""
apiVersion: v1
kind: Namespace
metadata: {{name: story, labels: {{pod-security.kubernetes.io/enforce: restricted}}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: data, namespace: story}}
spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Mi}}}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: story}}
spec: {{selector: {{app: web}}, ports: [{{port: 80, targetPort: 8080}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: story}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  strategy: {{type: Recreate}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      terminationGracePeriodSeconds: 1
      securityContext: {{runAsNonRoot: true, runAsUser: 65532, seccompProfile: {{type: RuntimeDefault}}}}
      containers:
        - name: web
          image: {BUSYBOX_IMAGE}
          command: [sh, -c, "date >> /data/starts; httpd -f -p 8080 -h /data"]
          readinessProbe: {{httpGet: {{path: /starts, port: 8080}}, periodSeconds: 1}}
          securityContext: {{allowPrivilegeEscalation: false, capabilities: {{drop: [ALL]}}}}
          volumeMounts: [{{name: data, mountPath: /data}}]
      volumes: [{{name: data, persistentVolumeClaim: {{claimName: data}}}}]
"""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "devcluster", "--name", NAME, "--provider", "node", *arguments]


def devcluster(*arguments: str, folder: Path = ROOT) -> str:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command(*arguments), cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def kubectl(*arguments: str, text: str | None = None) -> str:
    done = kubectl_tried(*arguments, text=text)
    assert done.returncode == 0, done.stderr
    return done.stdout


def kubectl_tried(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    program = [str(ensure_binary("kubectl")), f"--kubeconfig={PATHS.kubeconfig}"]
    return subprocess.run(
        [*program, *arguments], capture_output=True, text=True, check=False, input=text or ""
    )


def process(component: str) -> int:
    record = read_record(PATHS.processes / f"{component}.json")
    assert record, f"{component} has not been started"
    return record.identity.pid


def processes() -> dict[str, int]:
    return {component: process(component) for component in COMPONENTS}


def story_serves() -> int:
    """Await that the pod of the story answers through its Service, from inside and from this machine.

    A kubelet that was started again reports its pods as not ready until it has probed them once, after
    `rollout status` has already said that they are: for that moment the Service has no endpoint and rejects.
    Return how often the pod's container was started.
    """
    kubectl("-n", "story", "rollout", "status", "deployment/web", "--timeout=180s")
    address = kubectl("-n", "story", "get", "service", "web", "-o", "jsonpath={.spec.clusterIP}")
    inside = answered(from_inside, "the pod to reach its own Service")
    outside = answered(lambda: from_outside(address), "this machine to reach the Service")
    assert inside == outside
    return len(outside.splitlines())


def from_inside() -> str:
    fetched = kubectl_tried(
        "-n", "story", "exec", "deployment/web", "--", "wget", "-qO-", "http://web.story/starts"
    )
    if fetched.returncode:
        raise ConnectionError(fetched.stderr)
    return fetched.stdout


def from_outside(address: str) -> str:
    with build_opener(ProxyHandler({})).open(f"http://{address}/starts", timeout=10) as answer:
        return str(answer.read(), "utf-8")


def answered(ask: Callable[[], str], awaited: str) -> str:
    failures: list[str] = []

    def attempt() -> str:
        try:
            return ask()
        except OSError as error:
            failures.append(str(error))
            return ""

    return until(attempt, awaited, seconds=60, hint=lambda: failures[-1] if failures else "an empty answer")
