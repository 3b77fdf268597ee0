-- What all scripts about a user begin with.
-- KEYS: the record of the user's socket, the user's last grant, the user's denials: one slot.

local function denied(device, issued_at)
  for _, at in ipairs(redis.call('HMGET', KEYS[3], '', device)) do
    if at and tonumber(issued_at) <= tonumber(at) then
      return true
    end
  end
  return false
end

-- Numbers stay the text they were stored as: Lua would write large ones with an exponent.
local function state(outcome)
  local grant = redis.call('HMGET', KEYS[2], 'device', 'claim', 'at', 'socket')
  local record = redis.call('HGET', KEYS[1], 'record')
  return { outcome, grant[1], grant[2], grant[3], grant[4], record }
end

local function write(socket, claim, record, ttl, claim_ttl)
  redis.call('HSET', KEYS[1], 'socket', socket, 'claim', claim, 'record', record)
  redis.call('PEXPIRE', KEYS[1], ttl)
  redis.call('PEXPIRE', KEYS[2], claim_ttl)
end
