--[[ Reads a document.
KEYS[1]  the beginning of the keys of its kind, see `redis-documents.ts`
ARGV[1]  the id
Returns its revision and text; false for each when there is no such document. ]]
-- Read: the document.
return {redis.call('HGET', KEYS[1] .. ':revisions', ARGV[1]), redis.call('HGET', KEYS[1] .. ':texts', ARGV[1])}
