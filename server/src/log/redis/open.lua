-- The head of every script about a shop's log: who answers here, and is it still the log that it was?
--
-- KEYS: meta, log. ARGV: channel, command that publishes, epoch for a new log, highest position the node has seen, milliseconds
-- that events are kept, milliseconds that the meta is kept.
local meta, log = KEYS[1], KEYS[2]
local channel, publish, candidate, seen = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local age, kept = tonumber(ARGV[5]), tonumber(ARGV[6])

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function int(number)
  return string.format('%.0f', number)
end

-- Asked here and not by the node, so that it is the run of the very server that has the data, whoever was connected to before.
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if not run then
  return redis.error_reply('ERR INFO server shows no run_id')
end

local found = redis.call('HMGET', meta, 'epoch', 'head', 'run', 'at')
local epoch, head, last = found[1], tonumber(found[2] or 0), tonumber(found[4] or 0)

-- A log that may have lost something goes on as another one, above whatever anybody has seen of it. The first write is one that
-- Redis refuses when it has no memory left: then nothing has happened.
local function begin_anew(least)
  epoch, head = candidate, math.max(head, least)
  redis.call('HSET', meta, 'epoch', epoch, 'head', int(head), 'run', run)
  redis.call('PEXPIRE', meta, kept)
  redis.call('DEL', log)
  redis.call(publish, channel, '!')
end

if not epoch or found[3] ~= run then
  begin_anew(seen)
end

-- Takes out what is too old, and gives the position before the oldest event that is left.
local function expire()
  for _ = 1, 100 do
    local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
    if not oldest then
      return head
    end
    local id, at = string.match(oldest[1], '(%d+)-(%d+)')
    if now - at < age then
      return id - 1
    end
    redis.call('XTRIM', log, 'MINID', int(id + 1))
  end
  local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
  return oldest and string.match(oldest[1], '(%d+)-') - 1 or head
end
