#!lua
-- Copies a partition too large to be read in one step, to be read at leisure; the copy goes by itself in the end.
-- KEYS  meta, state, due, tops, then the copies' keys of the last three    ARGV  seconds that the copy is kept
-- Returns  position, commit, epoch, origin
for at = 2, 4 do
  redis.call('UNLINK', KEYS[at + 3]) -- of a first try whose reply was lost: all three are of one moment
  if redis.call('COPY', KEYS[at], KEYS[at + 3]) == 1 then redis.call('EXPIRE', KEYS[at + 3], ARGV[1]) end
end
return redis.call('HMGET', KEYS[1], 'position', 'commit', 'epoch', 'origin')
