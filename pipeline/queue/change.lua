-- What the holder of a claim does with it. Each may be repeated: a second time changes nothing.
-- ARGV  call (renew, done, release, snooze), alert id, token, ms (renew, snooze), result and event id (done)
-- Returns  {'unknown'} | {'lost', state} | {'stands', state, at, ended or '', occasion or ''}

local call, id, token = ARGV[OWN + 1], ARGV[OWN + 2], ARGV[OWN + 3]
local work = load(id)
if not work then return {'unknown'} end
if work.token ~= token then return {'lost', work.state} end

local claimed = work.state == 'claimed'
if call == 'renew' then
  if claimed then move(id, work, 'claimed', NOW + tonumber(ARGV[OWN + 4]))
  elseif work.state ~= 'ended' then return {'lost', work.state} end
elseif call == 'done' then -- also after the lease ran out, and after the core ended it: it was done
  if work.state ~= 'done' then
    work.result = ARGV[OWN + 5]
    tell('done', ARGV[OWN + 6], id, work)
    move(id, work, 'done', NOW)
  end
elseif call == 'release' then
  if claimed then fail(id, work) end
elseif call == 'snooze' then
  if claimed then
    work.attempt = work.attempt - 1
    move(id, work, 'snoozed', NOW + tonumber(ARGV[OWN + 4]))
  end
end
return {'stands', work.state, work.at, work.ended or '', work.occasion or ''}
