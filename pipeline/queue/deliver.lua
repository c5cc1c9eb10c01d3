-- Takes the records of one sender that come next, in order, and moves its mark: all of it or nothing.
-- ARGV  sender, count, and count times:
--       sequence, alert id, state, problem, customer, subject (optional), rank, occasion (optional), JSON alert
-- Returns  {'done', mark} | {'gap', mark, sequence}

local sender, count, WIDTH = ARGV[OWN + 1], tonumber(ARGV[OWN + 2]), 9
local mark = tonumber(redis.call('HGET', MARKS, sender) or '0')

local function record(number)
  return unpack(ARGV, OWN + 3 + (number - 1) * WIDTH, OWN + 2 + number * WIDTH)
end

local last = mark
for number = 1, count do
  local sequence = tonumber((record(number)))
  if sequence > last + 1 then return {'gap', tostring(last), tostring(sequence)} end
  last = math.max(last, sequence)
end

local function take(id, state, problem, customer, subject, rank, occasion, alert)
  local work = load(id)
  if not work then
    if state ~= 'raised' then return end -- its time in the queue is over
    redis.call('HSET', ALERTS, id, alert)
    work = {problem = problem, customer = customer, subject = optional(subject), rank = tonumber(rank), attempt = 0}
    return enter(id, work, 'ready', work.rank)
  end
  if not LIVE[work.state] then return end
  redis.call('HSET', ALERTS, id, alert)
  leave(id, work)
  work.rank = tonumber(rank)
  if state == 'raised' or state == 'updated' then
    return enter(id, work, work.state, work.state == 'ready' and work.rank or work.at)
  end
  work.ended, work.occasion = state, optional(occasion)
  enter(id, work, 'ended', NOW)
end

for number = 1, count do
  local sequence, id, state, problem, customer, subject, rank, occasion, alert = record(number)
  if tonumber(sequence) > mark then
    take(id, state, problem, customer, subject, rank, occasion, alert)
    mark = tonumber(sequence)
  end
end
redis.call('HSET', MARKS, sender, string.format('%.0f', mark))
return {'done', string.format('%.0f', mark)}
