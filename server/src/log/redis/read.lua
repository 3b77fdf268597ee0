-- Reads a page. ARGV[7]: the position before its first event, [8]: how many events at most, [9]: after how many bytes it ends.
local after, limit, bytes_max = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])

if redis.call('PTTL', meta) < kept / 2 then
  redis.call('PEXPIRE', meta, kept)
end
local floor = expire()
local page = { epoch, int(head), int(floor) }
if after < floor or after >= head then
  return page
end

local bytes, count = 0, 0
while count < limit and bytes < bytes_max do
  local some = redis.call('XRANGE', log, int(after + 1) .. '-0', '+', 'COUNT', int(math.min(limit - count, 16)))
  if #some == 0 then
    break
  end
  for _, entry in ipairs(some) do
    page[#page + 1] = entry[1]
    page[#page + 1] = entry[2][2]
    bytes = bytes + #entry[2][2]
    after = tonumber(string.match(entry[1], '(%d+)-'))
  end
  count = count + #some
end
return page
