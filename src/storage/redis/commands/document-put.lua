--[[ Writes a document, unless it had another write since it was read.
KEYS[1]  the beginning of the keys of its kind, see `redis-documents.ts`
ARGV[1]  id   ARGV[2] the revision that was read, 0 for none   ARGV[3] text
Returns the new revision, or false. ]]
local kind, id, expected, text = KEYS[1], unpack(ARGV)
local present = redis.call('HGET', kind .. ':revisions', id) or '0'
if present ~= expected then return false end
local revision = redis.call('INCR', kind .. ':version')
redis.call('HSET', kind .. ':revisions', id, revision)
redis.call('HSET', kind .. ':texts', id, text)
redis.call('ZADD', kind .. ':ages', 'NX', revision, id)
return revision
