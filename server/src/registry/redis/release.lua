-- Takes the record of a socket that has gone, if the last grant is the socket's, and leaves the claim.
-- ARGV: socket; how long the claim is kept.
if redis.call('HGET', KEYS[2], 'socket') ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1])
redis.call('HDEL', KEYS[2], 'socket')
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return 1
