#!lua
-- Raises the last sequence that a destination holds; a lower number changes nothing.
-- KEYS  sent    ARGV  destination, sequence
local known = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
if tonumber(ARGV[2]) > known then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
