#!lua flags=no-writes
-- The whole partition as it stands at one moment, unless it has more than `most` documents.
-- KEYS  meta, state, due, tops    ARGV  most
-- Returns  {position, commit, epoch, origin}, state, due, tops; or {position, commit, epoch, origin} alone
local held = redis.call('HMGET', KEYS[1], 'position', 'commit', 'epoch', 'origin')
if redis.call('HLEN', KEYS[2]) > tonumber(ARGV[1]) then return {held} end
return {held, redis.call('HGETALL', KEYS[2]), redis.call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES'), redis.call('HGETALL', KEYS[4])}
