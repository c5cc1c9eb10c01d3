-- Hands the first ready actions to a worker, after leases that ran out have ended. The same call again (its reply
-- was lost, the client repeats it) gives the same again.
-- ARGV  worker, token, count, lease in ms, problem (optional), and count event ids
-- Returns  a row for each: JSON alert, end of the lease, attempt

local worker, token, count, lease = ARGV[OWN + 1], ARGV[OWN + 2], tonumber(ARGV[OWN + 3]), tonumber(ARGV[OWN + 4])
local problem, EVENTS = optional(ARGV[OWN + 5]), OWN + 5

local function first()
  if not problem then return redis.call('ZRANGE', READY, 0, count - 1) end
  local ids, before = {}, #problem + 1 + 16 + 1
  local members = redis.call('ZRANGEBYLEX', BY_PROBLEM, '[' .. problem .. '\0', '(' .. problem .. '\1', 'LIMIT', 0, count)
  for place, member in ipairs(members) do ids[place] = string.sub(member, before + 1) end
  return ids
end

local claims = {}
local function hand(id, work)
  claims[#claims + 1] = {redis.call('HGET', ALERTS, id), work.at, work.attempt}
end

local field = 'claim:' .. worker
local packed = redis.call('HGET', META, field)
local latest = packed and cmsgpack.unpack(packed)
if latest and latest.token == token then
  for _, id in ipairs(latest.ids) do
    local work = load(id)
    if work and work.state == 'claimed' and work.token == token then hand(id, work) end
  end
  return claims
end

sweep()
local ids = first()
for place, id in ipairs(ids) do
  local work = load(id)
  leave(id, work)
  work.attempt, work.token, work.worker = work.attempt + 1, token, worker
  enter(id, work, 'claimed', NOW + lease)
  tell('claimed', ARGV[EVENTS + place], id, work)
  hand(id, work)
end
redis.call('HSET', META, field, cmsgpack.pack({token = token, ids = ids}))
return claims
