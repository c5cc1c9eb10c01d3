#!lua
-- One commit. Every check comes before every write: a script that fails midway is not rolled back.
-- (With this first line and no flag, Redis refuses the whole script before it starts when memory is out.)
--
-- KEYS  meta, state, due, tops, then the outbox of each group
-- ARGV  1 epoch, 2 commit id, 3 expected commit id ('' for none), 4 start, 5 end,
--       6-10 how many: values to set in state, keys to delete there, values to set in due, keys to delete there, groups;
--       then those four lists, then the groups: destination, first sequence, count, and count times key and payload,
--       where a key is '-' (none) or '+' before its bytes
-- Returns  {'done'} | {'landed'} | {'epoch', holder} | {'position', position, commit} | {'gap', destination, top, first}

local META, STATE, DUE, TOPS = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local OUTBOXES, LISTS = 4, 10
local SLICE = 3000 -- unpack ends near 8,000 values; even, for the pairs

local held = redis.call('HMGET', META, 'epoch', 'position', 'commit')
local epoch, position, commit = held[1] or '', held[2] or '0', held[3] or ''
if epoch ~= ARGV[1] then return {'epoch', epoch} end
if commit == ARGV[2] then return {'landed'} end
if position ~= ARGV[4] or commit ~= ARGV[3] then return {'position', position, commit} end

local first_group = LISTS + 1 + ARGV[6] + ARGV[7] + ARGV[8] + ARGV[9]
local at = first_group
for _ = 1, tonumber(ARGV[10]) do
  local top = tonumber(redis.call('HGET', TOPS, ARGV[at]) or '0')
  if tonumber(ARGV[at + 1]) ~= top + 1 then return {'gap', ARGV[at], tostring(top), ARGV[at + 1]} end
  at = at + 3 + 2 * tonumber(ARGV[at + 2])
end

local function write(command, key, from, count)
  local last = from + count - 1
  for slice = from, last, SLICE do
    redis.call(command, key, unpack(ARGV, slice, math.min(slice + SLICE - 1, last)))
  end
  return last + 1
end

at = LISTS + 1
at = write('HSET', STATE, at, tonumber(ARGV[6]))
at = write('HDEL', STATE, at, tonumber(ARGV[7]))
at = write('ZADD', DUE, at, tonumber(ARGV[8]))
at = write('ZREM', DUE, at, tonumber(ARGV[9]))

for group = 1, tonumber(ARGV[10]) do
  local outbox, destination = KEYS[OUTBOXES + group], ARGV[at]
  local sequence, count = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  at = at + 3
  for _ = 1, count do
    local id, key = string.format('%.0f-0', sequence), ARGV[at]
    if key == '-' then
      redis.call('XADD', outbox, id, 'v', ARGV[at + 1])
    else
      redis.call('XADD', outbox, id, 'k', string.sub(key, 2), 'v', ARGV[at + 1])
    end
    sequence, at = sequence + 1, at + 2
  end
  redis.call('HSET', TOPS, destination, string.format('%.0f', sequence - 1))
end

redis.call('HSET', META, 'position', ARGV[5], 'commit', ARGV[2])
return {'done'}
