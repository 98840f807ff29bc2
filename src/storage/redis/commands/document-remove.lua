--[[ Removes a document unless another write came first.
KEYS[1]  the beginning of the keys of its kind, see `redis-documents.ts`
ARGV[1]  the id   ARGV[2] the revision that was read
Returns 1, or 0. ]]
-- Read: the arguments.
local kind, id, expected = KEYS[1], unpack(ARGV)
-- Check: no other write came first.
if redis.call('HGET', kind .. ':revisions', id) ~= expected then return 0 end
-- Write: removes the document.
redis.call('INCR', kind .. ':version')
redis.call('HDEL', kind .. ':revisions', id)
redis.call('HDEL', kind .. ':texts', id)
redis.call('ZREM', kind .. ':ages', id)
return 1
