-- Drops the outbox's records up to one that was told. Numbers are taken again after Redis has lost its last moments,
-- so the record must still be the one that was told.
-- KEYS  the outbox    ARGV  the record's sequence and event id
-- Returns  how many were dropped

local found = redis.call('XRANGE', KEYS[1], ARGV[1] .. '-0', ARGV[1] .. '-0')
local fields = found[1] and found[1][2] or {}
for place = 1, #fields, 2 do
  if fields[place] == 'event' and fields[place + 1] == ARGV[2] then
    return redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f-0', tonumber(ARGV[1]) + 1))
  end
end
return 0
