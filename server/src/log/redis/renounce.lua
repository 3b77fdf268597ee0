-- Ends a log that contradicts what was read from it. ARGV[7]: its epoch; another one has been ended already.
if epoch == ARGV[7] then
  begin_anew(seen)
end
return epoch
