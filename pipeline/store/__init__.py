"""A partition in Redis: documents, due times, position, epoch, outbox; and the commit, one Lua call."""
