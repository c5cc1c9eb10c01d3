#!lua flags=no-writes
-- Reads actions in one step.
-- KEYS  alerts, work, and the index of a state to list    ARGV  how many to list; without an index: an alert id
-- Returns  a row for each: JSON alert, msgpack work

local ids = KEYS[3] and redis.call('ZRANGE', KEYS[3], 0, ARGV[1] - 1) or {ARGV[1]}
local rows = {}
for _, id in ipairs(ids) do
  local work = redis.call('HGET', KEYS[2], id)
  if work then rows[#rows + 1] = {redis.call('HGET', KEYS[1], id), work} end
end
return rows
