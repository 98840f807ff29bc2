import type { Config } from '../config/config.js';
import type { ConnectionSettings } from './connection-options.js';

/** The connection settings of the service configuration. */
export function connectionSettings(config: Config, name: string): ConnectionSettings {
  return {
    name,
    timeoutMs: config.REDIS_TIMEOUT_SECONDS * 1000,
    caFile: config.REDIS_TLS_CA_FILE,
    sentinelUsername: config.REDIS_SENTINEL_USERNAME,
    sentinelPassword: config.REDIS_SENTINEL_PASSWORD,
  };
}
