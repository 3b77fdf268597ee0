-- Holds the lease of a node. KEYS: the lease. ARGV: for how long.
-- Says whether it was still held, and which run of Redis this is.
local held = redis.call('EXISTS', KEYS[1])
redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
return { tostring(held), run or '' }
