-- What became of an append. KEYS: its idempotency key. ARGV: after when it is not appended any more, if there is such a time.
local used = redis.call('HMGET', KEYS[1], 'epoch', 'id')
if used[1] then
  return { 'appended', used[1], used[2] }
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return { ARGV[1] ~= '' and tonumber(ARGV[1]) < now and 'never' or 'not_yet' }
