--[[ Writes a key for which the caller can wait on replicas.
KEYS[1]  the key ]]
-- Write: the key.
redis.call('SET', KEYS[1], 1, 'PX', 60000)
