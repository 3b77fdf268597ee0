-- Reads what is known of a user.
-- ARGV: device, when the token was issued.
if denied(ARGV[1], ARGV[2]) then
  return { 'denied' }
end
return state('last')
