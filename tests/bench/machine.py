"""What a benchmark ran on."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.servers.kafka import jars

#: Runnable processes over the last minute, when this benchmark began.
BEFORE = round(os.getloadavg()[0], 1)
PACKAGES = ("faust-streaming", "aiokafka", "redis", "msgspec", "numba", "numpy", "uvloop")


def machine() -> dict[str, Any]:
    """Cores, memory, processor, versions, and how busy it was."""
    processor = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
    ]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": processor[0].partition(":")[2].strip() if processor else platform.processor(),
        "cores": os.cpu_count() or 0,
        "memory_gb": round(memory / 1e9),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "java": _version("java", "-version"),
        "redis": _version("redis-server", "--version"),
        "kafka": next(iter(jars().glob("kafka_2*.jar"))).stem.rpartition("-")[2],
        "packages": {name: version(name) for name in PACKAGES},
        "busy_before": BEFORE,
        "busy": round(os.getloadavg()[0], 1),
    }


def described(on: dict[str, Any]) -> str:
    """In a sentence or two."""
    packages = ", ".join(f"{name} {number}" for name, number in on.get("packages", {}).items())
    kafka = f", Kafka {on['kafka']}" if "kafka" in on else ""
    return (
        f"Measured on {on['cores']} cores ({on['processor']}), {on['memory_gb']} GB, {on['system']}, "
        f"{on['java']}{kafka}, {on['redis'].partition(' sha')[0]}, Python {on['python']}"
        f"{f' ({packages})' if packages else ''}. Load average when it began: {on.get('busy_before', '?')}, when it "
        f"ended: {on['busy']}."
    )


def _version(*command: str) -> str:
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return (told.stdout or told.stderr).splitlines()[0].strip()
