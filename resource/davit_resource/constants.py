"""The names that other programs rely on. Changing one is a change of the public contract."""

GROUP = "davit.dev"
VERSION = "v1alpha1"
KIND = "ModelDeployment"
PLURAL = "modeldeployments"
API_VERSION = f"{GROUP}/{VERSION}"

FIELD_MANAGER = "davit-operator"
"""The one field manager of everything the operator applies."""

STABLE = "stable"
"""The track that answers requests."""

NAME_LABEL = "app.kubernetes.io/name"
INSTANCE_LABEL = "app.kubernetes.io/instance"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "davit"
POD_NAME = "davit-model"

DEPLOYMENT_LABEL = f"{GROUP}/deployment"
TRACK_LABEL = f"{GROUP}/track"
PIN_LABEL = f"{GROUP}/pin"
"""On pods: the pin's fingerprint. Tells which version a pod answers with."""
REVISION_LABEL = f"{GROUP}/revision"
"""On pods: hash of the whole pod template. Tells new pods from old ones."""

HASH_ANNOTATION = f"{GROUP}/applied"
"""On children: hash of what was applied last. Tells a changed wish from a changed object."""
MODEL_ANNOTATION = f"{GROUP}/model"
DIGEST_ANNOTATION = f"{GROUP}/digest"

DEFAULT_REPLICAS = 1
DEFAULT_SERVICE_PORT = 80
DEFAULT_REQUESTS = {"cpu": "100m", "memory": "384Mi"}
DEFAULT_REQUEST_TIMEOUT_SECONDS = 60
DEFAULT_DRAIN_SECONDS = 10
HISTORY_LENGTH = 10
