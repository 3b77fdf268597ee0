-- Appends events, in order. KEYS[3] and on: the idempotency keys of those that have one, in their order. ARGV[7]: events that are kept;
-- then for each event four: the event, its fingerprint, milliseconds that its key is kept (0: it has none), after when it is not appended
-- any more, if there is such a time. Gives for each what became of it.
local events = ARGV[7]

-- Before anything is written, since a key that is something else is an error.
local used = {}
for i = 3, #KEYS do
  local found = redis.call('HMGET', KEYS[i], 'event', 'epoch', 'id')
  used[KEYS[i]] = found[1] and found
end

-- Never before the one before, even when the clock was set back: age is judged from the oldest on.
local at = math.max(now, last)

local function add(event)
  return redis.pcall('XADD', log, 'MAXLEN', '=', events, int(head + 1) .. '-' .. int(at), 'event', event)
end

local outcomes, appended, next_key = {}, 0, 3
for i = 8, #ARGV, 4 do
  local event, fingerprint, remembered, till = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local key
  if remembered ~= '0' then
    key, next_key = KEYS[next_key], next_key + 1
  end
  local known = key and used[key]
  local outcome
  if known then
    outcome = known[1] == fingerprint and { 'repeated', known[2], known[3] } or { 'reused' }
  elseif till ~= '' and tonumber(till) < now then
    -- However long the call was under way: whoever was told that this is over was told the truth.
    outcome = { 'late' }
  elseif head >= 9007199254740991 then
    outcome = { 'full' }
  else
    local added = add(event)
    if added.err and appended == 0 then
      -- The log knows more than its meta, or is no log: somebody has put back one and not the other.
      local top = redis.pcall('XREVRANGE', log, '+', '-', 'COUNT', 1)
      begin_anew(not top.err and top[1] and tonumber(string.match(top[1][1], '(%d+)-')) or 0)
      added = add(event)
      if added.err then
        return added
      end
    end
    if added.err then
      outcome = { 'failed', added.err }
    else
      head, appended = head + 1, appended + 1
      outcome = { 'appended', epoch, int(head) }
      if key then
        redis.call('HSET', key, 'event', fingerprint, 'epoch', epoch, 'id', int(head))
        redis.call('PEXPIRE', key, remembered)
        used[key] = { fingerprint, epoch, int(head) }
      end
      redis.call(publish, channel, '+' .. epoch .. ' ' .. int(head) .. ' ' .. int(at) .. ' ' .. event)
    end
  end
  outcomes[#outcomes + 1] = outcome
  if outcome[1] == 'full' or outcome[1] == 'failed' then
    -- What comes after it would be in another order.
    break
  end
end

if appended > 0 then
  redis.call('HSET', meta, 'head', int(head), 'at', int(at))
  expire()
  if redis.call('PTTL', log) < age then
    redis.call('PEXPIRE', log, int(2 * age))
  end
  if redis.call('PTTL', meta) < kept / 2 then
    redis.call('PEXPIRE', meta, kept)
  end
end
return outcomes
