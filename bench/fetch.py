"""Measures `davit fetch` beside `curl` and boto3, from one S3 store on loopback, in one run.

Run as `python -m bench.fetch`: a store (versitygw) with one large file, then rounds in which each program
downloads it once, as a process of its own from start to end, in turn, so that other load on the machine
affects all of them alike. Every round's ratio to curl is computed within that round.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

KEYS = ("davit", "davit-secret-key")
BUCKET, PREFIX = "models", "1/m"
MIB = 1 << 20
_BOTO3 = "import boto3, sys; boto3.client('s3').download_file(*sys.argv[1:4])"


@dataclass(frozen=True)
class Run:
    """One download.

    Attributes:
        seconds: From start to end of the process.
        mebibytes: Its peak memory.
    """

    seconds: float
    mebibytes: float


@dataclass(frozen=True)
class Store:
    """A store with the file.

    Attributes:
        url: Its address.
        client: A client of it.
    """

    url: str
    client: Any

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the programs: endpoint, region and credentials."""
        return {
            "PATH": os.environ["PATH"],
            "AWS_ACCESS_KEY_ID": KEYS[0],
            "AWS_SECRET_ACCESS_KEY": KEYS[1],
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def fill(self, mebibytes: int, *, in_parts: bool, scratch: Path) -> None:
        """Upload a model of one large file, whole (its ETag is its MD5) or in parts (it is not)."""
        large = scratch / "large"
        with large.open("wb") as stream:
            for _ in range(mebibytes):
                stream.write(os.urandom(MIB))
        self.client.create_bucket(Bucket=BUCKET)
        self.client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/MLmodel", Body=b"flavors: {}\n")
        if in_parts:
            self.client.upload_file(str(large), BUCKET, f"{PREFIX}/large")
        else:
            with large.open("rb") as stream:
                self.client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/large", Body=stream)
        large.unlink()


@contextmanager
def running_store(folder: Path) -> Iterator[Store]:
    """Run an S3 store over a folder on this machine while the block runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    tool = subprocess.run(
        [sys.executable, "-m", "devcluster", "tool", "versitygw"], check=True, capture_output=True, text=True
    ).stdout.strip()
    (folder / "data").mkdir()
    command = [tool, "--quiet", "--port", address, "posix", str(folder / "data")]
    keys = {"ROOT_ACCESS_KEY": KEYS[0], "ROOT_SECRET_KEY": KEYS[1]}
    with subprocess.Popen(command, env=os.environ | keys, stdout=subprocess.DEVNULL) as process:
        try:
            _await_answer(f"http://{address}")
            config = Config(s3={"addressing_style": "path"}, signature_version="s3v4")
            given = {
                "aws_access_key_id": KEYS[0],
                "aws_secret_access_key": KEYS[1],
                "region_name": "us-east-1",
            }
            yield Store(
                f"http://{address}",
                boto3.client("s3", endpoint_url=f"http://{address}", config=config, **given),
            )
        finally:
            process.terminate()


def _await_answer(url: str) -> None:
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        with suppress(OSError):  # not yet
            try:
                urllib.request.urlopen(url, timeout=5).close()  # noqa: S310  loopback
            except urllib.error.HTTPError as answer:
                answer.close()
                return
        time.sleep(0.05)
    raise TimeoutError("the store does not answer")


def programs(store: Store) -> dict[str, Callable[[Path], list[str]]]:
    """Return command lines by name that download into a folder; the first is the base of the ratios."""
    key = {"Bucket": BUCKET, "Key": f"{PREFIX}/large"}
    url = store.client.generate_presigned_url("get_object", Params=key, ExpiresIn=3600)
    return {
        "curl": lambda folder: ["curl", "--silent", "--fail", "--output", str(folder / "large"), url],
        "davit fetch": lambda _: [sys.executable, "-m", "davit_server", "fetch"],
        "boto3": lambda folder: [sys.executable, "-c", _BOTO3, BUCKET, key["Key"], str(folder / "large")],
    }


def measure(command: list[str], environment: dict[str, str], folder: Path, size: int) -> Run:
    """Run a program once and check that it downloaded the complete file."""
    began = time.monotonic()
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or (folder / "large").stat().st_size != size:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return Run(seconds, usage.ru_maxrss / 1024)


def rounds(store: Store, scratch: Path, count: int, size: int) -> dict[str, list[Run]]:
    """Download with each program in turn; the first round fills caches and does not count."""
    found: dict[str, list[Run]] = {name: [] for name in programs(store)}
    for number in range(count + 1):
        for name, command in programs(store).items():
            with tempfile.TemporaryDirectory(dir=scratch) as place:
                folder = Path(place)
                about = {"DAVIT_FETCH_LOCATION": f"s3://{BUCKET}/{PREFIX}", "DAVIT_FETCH_DESTINATION": place}
                run = measure(command(folder), store.environment | about, folder, size)
            if number:
                found[name].append(run)
    return found


def report(found: dict[str, list[Run]]) -> str:
    """Format a table: medians, and the median of each round's speed relative to curl."""
    lines = ["| program | wall, s | range | memory, MiB | speed of curl's |", "|---|---|---|---|---|"]
    for name, runs in found.items():
        seconds = [run.seconds for run in runs]
        ratios = [curl.seconds / run.seconds for curl, run in zip(found["curl"], runs, strict=True)]
        lines.append(
            f"| {name} | {statistics.median(seconds):.2f} | {min(seconds):.2f}-{max(seconds):.2f} "
            f"| {max(run.mebibytes for run in runs):.0f} | {statistics.median(ratios):.0%} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure files uploaded whole and in parts, and print a table for each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mebibytes", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    for in_parts in (False, True):
        with tempfile.TemporaryDirectory() as place:
            scratch = Path(place)
            with running_store(scratch) as store:
                store.fill(options.mebibytes, in_parts=in_parts, scratch=scratch)
                found = rounds(store, scratch, options.rounds, options.mebibytes * MIB)
        sys.stdout.write(f"\nuploaded {'in parts' if in_parts else 'whole'}, {options.mebibytes} MiB\n\n")
        sys.stdout.write(report(found) + "\n")


if __name__ == "__main__":
    main()
