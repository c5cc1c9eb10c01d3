"""The image and the one-machine deployment, checked as far as that goes without a container engine."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from forestall.agents.settings import Settings
from forestall.agents.settings_sources import load_settings
from tests.builders.operation import DEPLOY
from tests.servers.kafka import jars
from tests.servers.redis import DEPLOYED, Redis

ROOT = DEPLOY.parent
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ("topics", "catalogue", "worker")


def run(*command: str, cwd: Path = ROOT) -> str:
    """Runs a tool of this environment; what it complains of is the failure's message."""
    tool = Path(sys.executable).with_name(command[0])
    done = subprocess.run([tool, *command[1:]], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def copied() -> list[str]:
    """What the Dockerfile copies from the context."""
    lines = re.findall(r"^COPY (?!--from)(.*)$", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]


def test_the_dockerfile_is_sound() -> None:
    """Hadolint has nothing to say, not even in style."""
    run("hadolint", "--failure-threshold", "style", "deploy/Dockerfile")


def test_the_compose_file_is_one() -> None:
    """It follows the Compose specification."""
    run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "deploy/compose.yaml")


def test_the_context_has_what_the_image_copies_and_nothing_else() -> None:
    """.dockerignore lets through exactly the sources of COPY, and they exist."""
    allowed = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(), flags=re.MULTILINE)
    assert sorted(copied()) == sorted(allowed)
    assert [source for source in copied() if not (ROOT / source).exists()] == []


def test_the_package_builds_from_what_the_image_copies(tmp_path: Path) -> None:
    """The copied files alone make a wheel, with every package, Lua script and contract in it."""
    for source in copied():
        target = tmp_path / "src" / source
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, target)
    run(
        "pip",
        "wheel",
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
        "-q",
        "-w",
        str(tmp_path),
        str(tmp_path / "src"),
    )
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        packed = set(wheel.namelist())
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    assert {f"{name.replace('.', '/')}/__init__.py" for name in declared} <= packed
    scripts = {f"forestall/{file.relative_to(ROOT)}" for file in (ROOT / "pipeline").rglob("*.lua")}
    assert scripts <= packed


def test_the_image_runs_unprivileged_and_is_watched() -> None:
    """The last stage has a user other than root, and a health check on the worker's own port."""
    last = (DEPLOY / "Dockerfile").read_text().split("\nFROM ")[-1]
    assert re.search(r"^USER 10001$", last, flags=re.MULTILINE)
    assert f"http://127.0.0.1:{Settings().web_port}/health" in last


@pytest.mark.parametrize("name", OURS)
def test_settings_of_the_services_are_settings(name: str) -> None:
    """Every FORESTALL_ variable is known and valid, and points at the services beside it."""
    settings = load_settings({}, environment={k: str(v) for k, v in SERVICES[name]["environment"].items()})
    assert settings.kafka.split(":")[0] in SERVICES
    assert settings.redis.removeprefix("redis://").split(":")[0] in SERVICES


def test_prometheus_scrapes_the_workers() -> None:
    """Its configuration names the service and the port on which workers serve."""
    jobs = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    found = {job["job_name"]: job for job in jobs}["forestall"]["dns_sd_configs"][0]
    assert found["names"] == ["worker"]
    assert found["port"] == Settings().web_port


def test_mounted_files_exist() -> None:
    """Whatever is mounted from this folder is in it."""
    mounts = [m.split(":")[0] for service in SERVICES.values() for m in service.get("volumes", ())]
    ours = [mount for mount in mounts if mount.startswith("./")]
    assert len(ours) == 4
    assert [mount for mount in ours if not (DEPLOY / mount).exists()] == []


def test_nothing_listens_beyond_this_machine() -> None:
    """Published ports are bound to loopback: nothing here asks for a password."""
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_kafka_takes_its_settings(tmp_path: Path) -> None:
    """The broker's own tool accepts the settings and the cluster's id, and formats its log with them."""
    environment = {**SERVICES["kafka"]["environment"], "KAFKA_LOG_DIRS": str(tmp_path / "data")}
    cluster = environment.pop("CLUSTER_ID")
    lines = [
        f"{name.removeprefix('KAFKA_').lower().replace('_', '.')}={v}\n" for name, v in environment.items()
    ]
    (file := tmp_path / "server.properties").write_text("".join(lines))
    command = [
        "java",
        "-cp",
        f"{jars()}/*",
        "kafka.tools.StorageTool",
        "format",
        "-t",
        cluster,
        "-c",
        str(file),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert cluster in (tmp_path / "data" / "meta.properties").read_text()


def test_redis_takes_its_configuration(tmp_path: Path) -> None:
    """The server starts with the file that the container is given, and evicts nothing."""
    (file,) = SERVICES["redis"]["command"][1:]
    assert f"./{DEPLOYED.name}:{file}:ro" in SERVICES["redis"]["volumes"]
    server = Redis(tmp_path, durability="everysec").start()
    try:
        asked = ["redis-cli", "-p", str(server.port), "config", "get"]
        told = {
            name: subprocess.run([*asked, name], capture_output=True, text=True, check=True).stdout.split()[1]
            for name in ("appendonly", "appendfsync", "maxmemory-policy", "rdbcompression")
        }
    finally:
        server.kill()
    assert told == {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "rdbcompression": "no",
    }
