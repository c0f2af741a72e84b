"""Read the server's settings from its environment, in this one place."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

KIB = 1024
MIB = 1024 * KIB

DEFAULT_TOLERANCE = 1e-5
"""A hundred times the rounding error of one operation in float32: enough for sums of a few hundred terms."""

Level = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR"],
    BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value),
]


def _word(value: object) -> object:
    """Accept the resource's spelling, such as Enabled, like that of the environment; Disabled is `off`."""
    if not isinstance(value, str):
        return value
    word = value.lower()
    return "off" if word == "disabled" else word


Batching = Annotated[Literal["auto", "enabled", "off"], BeforeValidator(_word)]
StartupPredictions = Annotated[Literal["auto", "off"], BeforeValidator(_word)]
PlanName = Annotated[Literal["auto", "pyfunc", "onnx"], BeforeValidator(_word)]


class Settings(BaseSettings):
    """The settings of `davit serve`; each field is `DAVIT_` plus its name in the environment.

    An empty value counts as not set, so that a pod template can always name every variable.
    """

    model_config = SettingsConfigDict(
        env_prefix="DAVIT_", env_ignore_empty=True, extra="ignore", frozen=True, protected_namespaces=()
    )

    model_path: Path = Path("/model")
    """Folder that holds the MLmodel file."""
    model_uri: str = ""
    """The model URI that the model comes from, for metadata and logs."""
    model_name: str = ""
    """Name in paths, headers and metric labels; default: the folder's name."""
    model_version: str = ""
    model_run_id: str = ""
    """Default: the run of the MLmodel file."""
    model_digest: str = ""

    deployment: str = ""
    """`namespace/name` of the ModelDeployment, shown in logs."""
    track: str = ""

    host: str = "0.0.0.0"  # noqa: S104  a pod is reached at its own address
    port: int = Field(8080, ge=0, le=65535)

    drain_seconds: float = Field(10, ge=0, le=3600)
    """How long requests are still answered after SIGTERM, while load balancers remove the pod."""
    request_timeout_seconds: float = Field(60, gt=0, le=86400)
    """Deadline of one request, from its first byte to its answer."""
    max_body_bytes: int = Field(16 * MIB, ge=1 * KIB)
    max_queue: int = Field(256, ge=1)
    """Requests that may wait for the model at one time."""
    max_rows: int = Field(100_000, ge=1)
    """Rows in one request."""
    max_json_depth: int = Field(64, ge=8, le=500)
    """How deep lists and objects may nest in a body."""
    workers: int = Field(1, ge=1, le=64)
    """Processes that answer on the same port, forked after the model is loaded."""
    batching: Batching = "auto"
    """auto: requests that arrive together share a call of the model where its rows are known to be
    independent; enabled: they are declared to be; off: never."""
    concurrency: int = Field(0, ge=0, le=512)
    """Calls of the model that may run at the same time where requests do not share them; 0: up to 32
    for an author's own code, as long as it leaves the processor idle; 1 for flavors that compute or are not
    thread-safe."""
    plan: PlanName = "auto"
    """auto: the fastest predictor with exactly pyfunc's answers; pyfunc: always through pyfunc; onnx:
    converted and run by onnxruntime, if its answers are pyfunc's within the tolerance."""
    startup_predictions: StartupPredictions = "auto"
    """off: the model is not called before its first request: no smoke test, no checks, no batching."""
    tolerance: float = Field(DEFAULT_TOLERANCE, gt=0, le=0.1, allow_inf_nan=False)
    """Largest relative difference of a number from pyfunc's, with the plan `onnx`."""

    log_level: Level = "INFO"
    log_format: Literal["json", "console"] = "json"
    access_log: bool = False
    termination_log: Path = Path("/dev/termination-log")
    """The file of the termination message for Kubernetes; ignored when it does not exist."""

    @field_validator("startup_predictions")
    @classmethod
    def _needs_no_check(cls, value: str, known: ValidationInfo) -> str:
        """Refuse settings that need predictions at start when those are off."""
        if value == "off" and known.data.get("batching") == "enabled":
            raise ValueError(
                "batching=enabled needs predictions at start, to check it; remove one of the two"
            )
        if value == "off" and known.data.get("plan") == "onnx":
            raise ValueError(
                "plan=onnx needs predictions at start, to compare answers; remove one of the two"
            )
        return value

    @field_validator("tolerance")
    @classmethod
    def _only_for_onnx(cls, tolerance: float, known: ValidationInfo) -> float:
        """Refuse a tolerance that would have no effect: all other plans answer exactly as pyfunc does."""
        if tolerance != DEFAULT_TOLERANCE and known.data.get("plan") in {"auto", "pyfunc"}:
            raise ValueError(
                f"a tolerance means something with DAVIT_PLAN=onnx only, not with {known.data['plan']}; "
                "remove one of the two"
            )
        return tolerance
