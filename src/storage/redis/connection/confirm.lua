--[[ Writes something, for which replicas can be waited.
KEYS[1]  where ]]
redis.call('SET', KEYS[1], 1, 'PX', 60000)
