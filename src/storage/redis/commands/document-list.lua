--[[ Reads documents of a kind, the youngest first.
KEYS[1]  the beginning of the keys of the kind, see `redis-documents.ts`
ARGV[1]  only documents older than this age   ARGV[2] the most documents
Returns for each its age, id, revision and text. ]]
-- Read: a page of ages, then their documents.
local kind, before, limit = KEYS[1], unpack(ARGV)
local rows = redis.call('ZRANGE', kind .. ':ages', '(' .. before, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, limit, 'WITHSCORES')
local documents = {}
for i = 1, #rows, 2 do
  local id = rows[i]
  local revision = redis.call('HGET', kind .. ':revisions', id)
  documents[#documents + 1] = {rows[i + 1], id, revision, redis.call('HGET', kind .. ':texts', id)}
end
return documents
