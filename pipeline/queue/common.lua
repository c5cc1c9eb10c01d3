#!lua
-- How an action moves. Joined in front of deliver.lua, claim.lua and change.lua.
-- KEYS  as QueueKeys.all    ARGV 1-6  the policy; what follows is the script's own

local ALERTS, WORK, BY_PROBLEM, READY, CLAIMED, SNOOZED, SCHEDULED, DONE, ENDED, DEAD, MARKS, META, OUTBOX = unpack(KEYS)
local INDEX = {
  ready = READY, claimed = CLAIMED, snoozed = SNOOZED, scheduled = SCHEDULED, done = DONE, ended = ENDED, dead = DEAD,
}
local LIVE = {ready = true, claimed = true, snoozed = true, scheduled = true}
local ATTEMPTS, BACKOFF, CEILING = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local KEEP_DONE, KEEP_DEAD, DEAD_CAP = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local OWN = 6 -- the script's own arguments come after these
local SWEEP = 500 -- at most so many of a kind are moved in one call

local clock = redis.call('TIME')
local NOW = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function optional(argument) -- '-' is none, '+' comes before a value
  if argument ~= '-' then return string.sub(argument, 2) end
end

local function load(id)
  local packed = redis.call('HGET', WORK, id)
  return packed and cmsgpack.unpack(packed)
end

local function save(id, work)
  redis.call('HSET', WORK, id, cmsgpack.pack(work))
end

local function in_problem(id, work)
  return string.format('%s\0%016.0f\0%s', work.problem, work.rank + 1e15, id)
end

local function leave(id, work)
  redis.call('ZREM', INDEX[work.state], id)
  if work.state == 'ready' then redis.call('ZREM', BY_PROBLEM, in_problem(id, work)) end
end

local function enter(id, work, state, at)
  work.state, work.at = state, at
  if state ~= 'ready' then work.since = nil elseif not work.since then work.since = NOW end
  redis.call('ZADD', INDEX[state], string.format('%.0f', at), id)
  if state == 'ready' then redis.call('ZADD', BY_PROBLEM, 0, in_problem(id, work)) end
  save(id, work)
end

local function move(id, work, state, at)
  leave(id, work)
  enter(id, work, state, at)
end

local function forget(index, ids)
  for _, id in ipairs(ids) do
    redis.call('ZREM', index, id)
    redis.call('HDEL', WORK, id)
    redis.call('HDEL', ALERTS, id)
  end
end

-- Doubles with each attempt up to the ceiling; between half of it and all of it, by the hash of the id.
local function wait(id, work)
  local longest = math.min(BACKOFF * 2 ^ (work.attempt - 1), CEILING)
  local share = tonumber(string.sub(redis.sha1hex(id .. ':' .. work.attempt), 1, 6), 16) / 2 ^ 24
  return math.floor(longest * (0.5 + share / 2))
end

-- The attempt failed: the action waits for the next one, or was the last.
local function fail(id, work)
  if work.attempt < ATTEMPTS then return move(id, work, 'snoozed', NOW + wait(id, work)) end
  move(id, work, 'dead', NOW)
  local over = redis.call('ZCARD', DEAD) - DEAD_CAP
  if over > 0 then forget(DEAD, redis.call('ZRANGE', DEAD, 0, over - 1)) end
end

local function through(index, time)
  return redis.call('ZRANGEBYSCORE', index, '-inf', string.format('%.0f', time), 'LIMIT', 0, SWEEP)
end

-- Ends leases that ran out, wakes what has waited, forgets what was kept long enough.
local function sweep()
  for _, id in ipairs(through(CLAIMED, NOW)) do fail(id, load(id)) end
  for _, id in ipairs(through(SNOOZED, NOW)) do
    local work = load(id)
    move(id, work, 'ready', work.rank)
  end
  forget(DONE, through(DONE, NOW - KEEP_DONE))
  forget(ENDED, through(ENDED, NOW - KEEP_DONE))
  forget(DEAD, through(DEAD, NOW - KEEP_DEAD))
end

-- Tells the journal what a worker did.
local function tell(kind, event, id, work)
  local sequence = redis.call('HINCRBY', META, 'outbox', 1)
  local fields = {
    'event', event, 'kind', kind, 'ms', string.format('%.0f', NOW),
    'alert', id, 'problem', work.problem, 'customer', work.customer, 'worker', work.worker,
  }
  for _, name in ipairs({'subject', 'result'}) do
    if work[name] then
      fields[#fields + 1] = name
      fields[#fields + 1] = work[name]
    end
  end
  redis.call('XADD', OUTBOX, sequence .. '-0', unpack(fields))
end
