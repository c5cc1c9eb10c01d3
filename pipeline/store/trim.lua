#!lua flags=allow-oom
-- Drops what every receiver holds from an outbox, and says so in the same step: a store that fell back between the two
-- would keep neither the records nor how far they were sent.
-- KEYS  outbox, sent    ARGV  last sequence to drop, then the destinations that hold it
for at = 2, #ARGV do
  local known = tonumber(redis.call('HGET', KEYS[2], ARGV[at]) or '0')
  if tonumber(ARGV[1]) > known then redis.call('HSET', KEYS[2], ARGV[at], ARGV[1]) end
end
redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f', ARGV[1] + 1))
