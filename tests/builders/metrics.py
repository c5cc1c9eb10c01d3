"""One count of each kind that the cores return."""

from collections import Counter

CORE_COUNTS = Counter(
    {
        ("events", "order.placed"): 3,
        ("late_events",): 1,
        ("duplicate_events",): 2,
        ("ignored_events", "tick"): 1,
        ("questions_asked", "return"): 3,
        ("questions_answered", "return", "yes"): 1,
        ("questions_refused", "return"): 1,
        ("decisions", "return", "held_back", "skill"): 1,
        ("alerts", "return", "raised"): 1,
        ("dead_letters", "not_json"): 1,
        ("answers_learned", "return"): 1,
        ("notices", "return"): 1,
    }
)
