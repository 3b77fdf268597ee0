-- Grants the user's place, if the last grant is still the one that was read.
-- ARGV: claim and socket of that one; device, claim, time of connection, socket of the new one; when its token was issued; its record;
-- how long the record and the claim are kept.
local claim, socket, own = ARGV[1], ARGV[2], ARGV[6]
if denied(ARGV[3], ARGV[7]) then
  return { 'denied' }
end
local last = redis.call('HMGET', KEYS[2], 'claim', 'socket')
-- The socket's own grant is this very call, run before without its caller hearing of it.
if last[2] ~= own and ((last[1] or '') ~= claim or (last[2] or '') ~= socket) then
  return state('last')
end
redis.call('HSET', KEYS[2], 'device', ARGV[3], 'claim', ARGV[4], 'at', ARGV[5], 'socket', own)
write(own, ARGV[4], ARGV[8], ARGV[9], ARGV[10])
return { 'granted' }
