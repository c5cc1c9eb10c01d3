#!lua
-- Takes the partition for one assignment and says where it stands, in one step.
-- KEYS  meta    ARGV  token    Returns  position, commit
redis.call('HSET', KEYS[1], 'epoch', ARGV[1])
return redis.call('HMGET', KEYS[1], 'position', 'commit')
