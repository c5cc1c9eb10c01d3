"""Where a partition lies in Redis: every key has the tag `{processor:partition}`, so all share a slot."""


class PartitionKeys:
    """The key names of one partition.

    meta    hash: epoch, position, commit; origin, once a newer core has taken the state over
    state   hash: document key -> bytes
    due     zset: document key by epoch ms
    tops    hash: destination -> last sequence written to its outbox
    sent    hash: destination -> last sequence held there
    copy:<token>:<key>    state, due or tops while somebody reads a large partition
    outbox:<destination>  stream: ids `<sequence>-0`, fields v (payload) and, if there is one, k (key)
    """

    def __init__(self, prefix: str, processor: str, partition: int) -> None:
        self.root = f"{prefix}{{{processor}:{partition}}}"
        self.meta = f"{self.root}:meta"
        self.state = f"{self.root}:state"
        self.due = f"{self.root}:due"
        self.tops = f"{self.root}:tops"
        self.sent = f"{self.root}:sent"

    def copy(self, token: str, of: str) -> str:
        """A copy of one of the keys, while it is read."""
        return f"{self.root}:copy:{token}:{of}"

    def outbox(self, destination: str) -> str:
        """The stream of one destination."""
        return f"{self.root}:outbox:{destination}"
