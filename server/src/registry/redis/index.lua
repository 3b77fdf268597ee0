-- Adds users to an index of members.
-- KEYS: the index. ARGV: how long it is kept when nobody adds to it; the users.
for i = 2, #ARGV do
  redis.call('ZADD', KEYS[1], 0, ARGV[i])
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return #ARGV - 1
