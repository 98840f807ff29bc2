--[[ Reads documents, the youngest first.
KEYS[1]  the beginning of the keys of their kind, see `redis-documents.ts`
ARGV[1]  only those that are older than this   ARGV[2] at most this many
Returns for each its age, id, revision and text. ]]
local kind, before, limit = KEYS[1], unpack(ARGV)
local rows = redis.call('ZRANGE', kind .. ':ages', '(' .. before, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, limit, 'WITHSCORES')
local documents = {}
for i = 1, #rows, 2 do
  local id = rows[i]
  local revision = redis.call('HGET', kind .. ':revisions', id)
  documents[#documents + 1] = {rows[i + 1], id, revision, redis.call('HGET', kind .. ':texts', id)}
end
return documents
