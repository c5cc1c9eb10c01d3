#!lua
-- Records where a newer core has taken the state over, for whoever replays.
-- KEYS  meta    ARGV  epoch, position, commit, origin
-- Returns  {'done'} | {'epoch', holder} | {'position', position, commit}
local held = redis.call('HMGET', KEYS[1], 'epoch', 'position', 'commit')
local epoch, position, commit = held[1] or '', held[2] or '0', held[3] or ''
if epoch ~= ARGV[1] then return {'epoch', epoch} end
if position ~= ARGV[2] or commit ~= ARGV[3] then return {'position', position, commit} end
redis.call('HSET', KEYS[1], 'origin', ARGV[4])
return {'done'}
