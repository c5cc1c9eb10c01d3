"""Debian's Prometheus with a given configuration."""

import urllib.error
import urllib.request
from pathlib import Path

from forestall.agents.child import Child, free_port


class Prometheus:
    """One server; `configuration` is the text of its prometheus.yml."""

    def __init__(self, folder: Path, configuration: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        file = folder / "prometheus.yml"
        file.write_text(configuration)
        options = [
            f"--config.file={file}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]
        self.child = Child("prometheus", ["prometheus", *options], folder)

    def start(self) -> "Prometheus":
        """Starts the server and waits until it answers queries."""
        self.child.start()
        self.child.wait_until(self._serves, 30)
        return self

    def stop(self) -> None:
        """Shuts down in order."""
        self.child.stop(grace=10)

    def _serves(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
