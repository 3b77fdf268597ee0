-- Appends an event. KEYS[3]: its idempotency key, if it has one. ARGV[7]: events that are kept, [8]: the event, [9]: its
-- fingerprint, [10]: milliseconds that the key is kept, [11]: after when it is not appended any more, if there is such a time.
local key, events, event, fingerprint = KEYS[3], ARGV[7], ARGV[8], ARGV[9]

if key then
  local used = redis.call('HMGET', key, 'event', 'epoch', 'id')
  if used[1] then
    if used[1] ~= fingerprint then
      return { 'reused' }
    end
    return { 'repeated', used[2], used[3] }
  end
end

-- However long the call was under way: whoever was told that this is over was told the truth.
if ARGV[11] ~= '' and tonumber(ARGV[11]) < now then
  return { 'late' }
end

if head >= 9007199254740991 then
  return { 'full' }
end

-- Never before the one before, even when the clock was set back: age is judged from the oldest on.
local at = math.max(now, last)

local function add()
  redis.call('HSET', meta, 'head', int(head + 1), 'at', int(at))
  return redis.pcall('XADD', log, 'MAXLEN', '=', events, int(head + 1) .. '-' .. int(at), 'event', event)
end

local added = add()
if added.err then
  -- The log knows more than its meta, or is no log: somebody has put back one and not the other.
  local top = redis.pcall('XREVRANGE', log, '+', '-', 'COUNT', 1)
  begin_anew(not top.err and top[1] and tonumber(string.match(top[1][1], '(%d+)-')) or 0)
  added = add()
  if added.err then
    return added
  end
end
head = head + 1

expire()
if redis.call('PTTL', log) < age then
  redis.call('PEXPIRE', log, int(2 * age))
end
if redis.call('PTTL', meta) < kept / 2 then
  redis.call('PEXPIRE', meta, kept)
end
if key then
  redis.call('HSET', key, 'event', fingerprint, 'epoch', epoch, 'id', int(head))
  redis.call('PEXPIRE', key, ARGV[10])
end
redis.call(publish, channel, '+' .. epoch .. ' ' .. int(head) .. ' ' .. int(at) .. ' ' .. event)
return { 'appended', epoch, int(head) }
