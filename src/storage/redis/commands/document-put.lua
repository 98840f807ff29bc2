--[[ Writes a document unless another write came first.
KEYS[1]  the beginning of the keys of its kind, see `redis-documents.ts`
ARGV[1]  the id   ARGV[2] the revision that was read, 0 for none   ARGV[3] the text
Returns the new revision, or false. ]]
-- Read: the present revision.
local kind, id, expected, text = KEYS[1], unpack(ARGV)
local present = redis.call('HGET', kind .. ':revisions', id) or '0'
-- Check: no other write came first.
if present ~= expected then return false end
-- Write: the document.
local revision = redis.call('INCR', kind .. ':version')
redis.call('HSET', kind .. ':revisions', id, revision)
redis.call('HSET', kind .. ':texts', id, text)
redis.call('ZADD', kind .. ':ages', 'NX', revision, id)
return revision
