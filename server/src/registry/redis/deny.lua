-- Refuses the tokens that were issued until now, and says which socket has the user's place.
-- ARGV: device, or nothing for all; now; how long denials are kept; how many there may be.
local device, now, kept = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local denials = redis.call('HGETALL', KEYS[3])
for i = 1, #denials, 2 do
  if tonumber(denials[i + 1]) + kept <= now then
    redis.call('HDEL', KEYS[3], denials[i])
  end
end
local before = redis.call('HGET', KEYS[3], device)
if not before and redis.call('HLEN', KEYS[3]) >= tonumber(ARGV[4]) then
  return { 'full' }
end
-- A node whose clock is behind takes nothing back.
if not before or tonumber(before) < now then
  redis.call('HSET', KEYS[3], device, ARGV[2])
end
redis.call('PEXPIRE', KEYS[3], ARGV[3])
return state('last')
