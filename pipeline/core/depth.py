"""How deeply JSON nests, found without decoding it.

Decoders give up where the interpreter's stack ends, and how much of that is left varies from caller to caller:
the same text would be read live and refused in a replay. So depth is judged by a limit of our own.
"""

import re

#: Deep enough for any event that people or programs write.
MAX_DEPTH = 100

_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


def nests_deeper(text: bytes, levels: int = MAX_DEPTH) -> bool:
    """Whether arrays and objects nest more than `levels` deep; brackets in strings do not count.

    >>> nests_deeper(b'[[1], ["[["]]', 1), nests_deeper(b'[[1], ["[["]]', 2)
    (True, False)
    """
    if text.count(b"[") + text.count(b"{") <= levels:
        return False
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        first = text[match.start()]
        if first in b"[{":
            depth += 1
            if depth > levels:
                return True
        elif first in b"]}":
            depth -= 1
    return False
