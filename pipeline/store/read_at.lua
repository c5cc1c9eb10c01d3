#!lua flags=no-writes
-- One read of a state that must stand at a given commit: what is read of two states must never meet.
-- KEYS  meta, what is read
-- ARGV  1 the commit ('' for a new state, '*' for any), 2 the reading command, then what stands behind its key
-- Returns  {'done', reply} | {'position', position, commit}
local held = redis.call('HMGET', KEYS[1], 'position', 'commit')
if ARGV[1] ~= '*' and ARGV[1] ~= (held[2] or '') then return {'position', held[1] or '0', held[2] or ''} end
return {'done', redis.call(ARGV[2], KEYS[2], unpack(ARGV, 3))}
