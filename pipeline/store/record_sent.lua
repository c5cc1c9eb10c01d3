#!lua
-- Raises the last sequences that destinations hold; a lower number changes nothing.
-- KEYS  sent    ARGV  destination, sequence, destination, sequence ...
for at = 1, #ARGV, 2 do
  local known = tonumber(redis.call('HGET', KEYS[1], ARGV[at]) or '0')
  if tonumber(ARGV[at + 1]) > known then redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
end
