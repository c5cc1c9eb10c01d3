"""The action queue in Redis: every change one Lua call; nothing in two states, or in none."""
