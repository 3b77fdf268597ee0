-- Brings the record of a socket up to date, if the last grant is the socket's.
-- ARGV: device, claim, socket; when its token was issued; its record; how long the record and the claim are kept.
if denied(ARGV[1], ARGV[4]) then
  return { 'denied' }
end
if redis.call('HGET', KEYS[2], 'socket') ~= ARGV[3] then
  return state('last')
end
write(ARGV[3], ARGV[2], ARGV[5], ARGV[6], ARGV[7])
return { 'granted' }
