#!lua flags=no-writes
-- How many actions lie in each index, in one step.    KEYS  the indexes
local counts = {}
for place, index in ipairs(KEYS) do counts[place] = redis.call('ZCARD', index) end
return counts
