"""Debian's redis-server: one, with or without its append-only file, and a cluster of six."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import redis

from forestall.agents.child import Child, free_port

#: How it is deployed.
DEPLOYED = Path(__file__).parents[2] / "deploy" / "redis.conf"

Durability = Literal["none", "everysec", "always"]


class Redis:
    """One server. `durability` is its `appendfsync`; "none" keeps everything in memory only."""

    def __init__(
        self,
        folder: Path,
        *,
        durability: Durability = "none",
        binary: str = "redis-server",
        options: tuple[str, ...] = (),
        port: int | None = None,
    ) -> None:
        self.port = free_port() if port is None else port
        self.folder = folder
        keep = ["--appendonly", "no"] if durability == "none" else _append_only(durability)
        fixed = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(folder), "--save", ""]
        self.child = Child(f"redis-{self.port}", [binary, *keep, *fixed, *options], folder)

    @property
    def url(self) -> str:
        """What clients connect to."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> "Redis":
        """Starts the server and waits until it has loaded its data and serves."""
        self.child.start()
        self.child.wait_until(self._serves, 20)
        return self

    def stop(self) -> None:
        """Shuts down in order."""
        self.child.stop()

    def kill(self) -> None:
        """SIGKILL: what was not yet in the append-only file is lost."""
        self.child.kill()

    def restart(self) -> None:
        """Stops and starts on the same port; keeps what its durability keeps."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freezes the server: connections stay open and nothing is answered."""
        self.child.pause()

    def resume(self) -> None:
        """Lets a paused server go on."""
        self.child.resume()

    def written(self) -> dict[Path, int]:
        """How long the files of its append-only log are now."""
        return {file: file.stat().st_size for file in self.folder.glob("appendonlydir/*.aof")}

    def lose_since(self, written: Mapping[Path, int]) -> None:
        """Cuts the log of a killed server back to what it was, as a power cut does to what was not yet on disk.

        If it has begun a new file since, only that is emptied: cutting what comes before it would tear a hole.
        """
        log = self.written()
        begun = log.keys() - written.keys()
        for file in begun or log.keys() & written.keys():
            os.truncate(file, 0 if begun else written[file])

    def flush(self) -> None:
        """Deletes everything, loaded scripts too."""
        with redis.Redis(port=self.port) as client:
            client.flushall()
            client.script_flush()

    def _serves(self) -> bool:
        try:
            with redis.Redis(port=self.port, socket_timeout=1, protocol=2) as client:
                return bool(client.ping())
        except redis.exceptions.RedisError:
            return False


class RedisCluster:
    """Three masters and three replicas; a master that is killed is replaced after about 4 s."""

    def __init__(self, folder: Path) -> None:
        self.nodes = [self._node(folder) for _ in range(6)]

    @property
    def url(self) -> str:
        """One node, from which clients learn the others."""
        return self.nodes[0].url

    def start(self) -> "RedisCluster":
        """Starts the nodes, joins them, and waits until every slot is served."""
        for node in self.nodes:
            node.start()
        addresses = [f"127.0.0.1:{node.port}" for node in self.nodes]
        join = ["redis-cli", "--cluster", "create", *addresses, "--cluster-replicas", "1", "--cluster-yes"]
        subprocess.run(join, check=True, capture_output=True, timeout=60)
        for node in self.nodes:
            node.child.wait_until(lambda port=node.port: _cluster_is_ok(port), 30)
        return self

    def stop(self) -> None:
        """Kills every node: nothing of a test's cluster is worth keeping."""
        for node in self.nodes:
            node.kill()

    @staticmethod
    def _node(folder: Path) -> Redis:
        port = free_port(offsets=(0, 10_000))
        own = folder / str(port)
        own.mkdir(parents=True)
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
        return Redis(own, durability="everysec", options=options, port=port)


def _append_only(durability: Durability) -> list[str]:
    return [str(DEPLOYED), "--appendfsync", durability]


def _cluster_is_ok(port: int) -> bool:
    with redis.Redis(port=port) as client:
        state = client.execute_command("CLUSTER INFO")
    return state["cluster_state"] == "ok" and state["cluster_slots_ok"] == "16384"
