import { join } from 'node:path';
import { inspect } from 'node:util';
import { IsBoolean, IsIn, IsOptional, Matches, validateSync } from 'class-validator';
import { REDIS_URL_FORMS } from './redis-url.js';
import { isPrivateAddress } from './public-address.js';
import { IsWebAddress } from './web-address.decorator.js';
import { TRANSITION_TYPES, type TransitionType } from '../task/task.js';
import { allowedValues } from './allowed-values.js';
import { InvalidConfig } from './config.error.js';
import { AtMost, IsRedisUrlOrEmpty, IsWhole, IsWithin } from './config-validators.js';
import { FromEnvironment, settingsOf, valueOf } from './setting.decorator.js';
import type { Setting } from './setting.decorator.js';

export type QueueStore = 'embedded' | 'redis';
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
export type LogFormat = 'auto' | 'json' | 'pretty';

const A_TYPE = `(?:${TRANSITION_TYPES.join('|')})`;
const TYPE_LIST = new RegExp(`^${A_TYPE}(?:,${A_TYPE})*$`);
const A_SECRET = '(?:whsec_)?(?:[A-Za-z0-9+/]{4}){8,21}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?';
const WEBHOOK_SECRETS = new RegExp(`^${A_SECRET}(?:,${A_SECRET})*$`);

const A_HOST = '(?:[A-Za-z0-9_-]{1,63}\\.)*[A-Za-z0-9_-]{1,63}(?::[0-9]{1,5})?';
const HOST_LIST = new RegExp(`^(?=.{1,4096}$)${A_HOST}(?:,${A_HOST})*$`);

/** Under such a path, the paths of the service would be ambiguous. */
const OWN_PATHS = [
  'batches|dashboard|docs|events|health|livez|metrics|openapi\\.json|openapi\\.yaml|queues|readyz|redoc',
  'schedules|status|tasks|timeline|webhooks|workers',
].join('|');
const BASE_PATH = new RegExp(
  `^(?=.{2,200}$)(?!/(?:${OWN_PATHS})(?:/|$))(?:/(?!\\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)+$`,
);

/** A bucket name by the rules of S3, and a prefix without `//`, `.` and `..`; or any path. */
const ARTIFACTS_PLACE =
  /^(?:s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._=-]{1,200}){0,16}\/?|(?!s3:)[^\p{Cc}]{0,4096})$/u;

/** The name that Redis has beside the service in Compose. It need not exist. */
const DEFAULT_REDIS_URL = 'redis://redis:6379';

const REDIS_URL_NEEDED = 'REDIS_URL must not be empty with QUEUE_STORE=redis';

const WEBHOOK_URL_PUBLIC =
  'WEBHOOK_URL must be a public address; set WEBHOOK_ALLOW_PRIVATE=true to allow private ones';

/** All settings of the service. `loadConfig` creates it. */
export class Config {
  @FromEnvironment({ does: 'The TCP port to listen on; 0 picks a free one.' })
  @IsWhole(0, 65_535)
  readonly PORT: number = 8081;

  @FromEnvironment({
    does: 'The address to listen on. `127.0.0.1` makes the service reachable from this machine only.',
    allowed: 'an IP address or a host name of this machine',
  })
  @Matches(/^[A-Za-z0-9._:%-]{1,253}$/)
  readonly HOST: string = '0.0.0.0';

  @FromEnvironment({
    does: 'A key that may do everything. Without this and `API_KEYS_FILE`, the service accepts all callers.',
    allowed: '1 to 512 visible ASCII characters without spaces',
    isSecret: true,
  })
  @IsOptional()
  @Matches(/^[\x21-\x7e]{1,512}$/)
  readonly API_KEY?: string;

  @FromEnvironment({
    does: 'A JSON file with further keys, their roles and queues. The service rereads it when it changes and on SIGHUP.',
    allowed: 'the path of a file',
  })
  @IsOptional()
  @Matches(/^[^\p{Cc}]{1,4096}$/u)
  readonly API_KEYS_FILE?: string;

  @FromEnvironment({
    does: 'How often to check `API_KEYS_FILE` for changes.',
    isDeprecated: true,
    unit: 'seconds',
  })
  @IsWithin(0.05, 3600)
  readonly API_KEYS_RELOAD_SECONDS: number = 5;

  @FromEnvironment({
    does: 'Wrong keys that one client address can send per minute before it gets 429. A valid key still works.',
    isAdvanced: true,
  })
  @IsWhole(1, 1_000_000)
  readonly AUTH_FAILURES_PER_MINUTE: number = 60;

  @FromEnvironment({
    does: 'Host names under which clients may call the service; a request with another `Host` gets 403. It protects a service without keys from web pages (DNS rebinding). IP addresses and the health checks are always allowed. Without this setting, every name is allowed.',
    allowed: 'host names, with or without a port, separated by commas without spaces',
  })
  @IsOptional()
  @Matches(HOST_LIST)
  readonly ALLOWED_HOSTS?: string;

  @FromEnvironment({
    does: 'The path under which a reverse proxy publishes the service, such as `/queue`. All addresses in answers begin with it. The service accepts requests with the path and without it, so the proxy can remove it or keep it.',
    allowed:
      'a path such as `/queue`, of the characters A-Z a-z 0-9 . _ ~ - and /, without a slash at the end, and not one of the service, such as `/tasks`',
  })
  @IsOptional()
  @Matches(BASE_PATH)
  readonly BASE_PATH?: string;

  @FromEnvironment({
    does: 'Whether every client comes through a reverse proxy that sets or removes `X-Forwarded-Prefix`. The service then puts that prefix before all addresses in answers, in place of `BASE_PATH`.',
  })
  @IsBoolean()
  readonly TRUST_PROXY: boolean = false;

  @FromEnvironment({ does: 'Where to keep tasks: in files of this process, or in Redis.' })
  @IsIn(['embedded', 'redis'])
  readonly QUEUE_STORE: QueueStore = 'embedded';

  @FromEnvironment({
    does: 'The directory of the embedded store. Only one process at a time can use it.',
    allowed: 'the path of a directory',
  })
  @Matches(/^[^\p{Cc}]{1,4096}$/u)
  readonly DATA_DIR: string = './data';

  @FromEnvironment({
    does: 'The Redis for events, and for tasks with `QUEUE_STORE=redis`. An empty value (`REDIS_URL=`) turns events off.',
    allowed: `${REDIS_URL_FORMS.join(' or ')}, the same with rediss for TLS, or empty`,
    isSecret: true,
    takesEmpty: true,
  })
  @IsRedisUrlOrEmpty()
  readonly REDIS_URL: string = DEFAULT_REDIS_URL;

  @FromEnvironment({
    does: 'The prefix of every key of the Redis store. Services with the same prefix share their tasks.',
    allowed: '1 to 64 of the characters A-Z a-z 0-9 . _ : -',
  })
  @Matches(/^[A-Za-z0-9._:-]{1,64}$/)
  readonly REDIS_KEY_PREFIX: string = 'cq';

  @FromEnvironment({
    does: 'How many replicas of Redis must have a write before the service acknowledges it.',
  })
  @IsWhole(0, 100)
  readonly REDIS_WAIT_REPLICAS: number = 0;

  @FromEnvironment({
    does: 'How long Redis can be silent before it counts as unavailable.',
    isAdvanced: true,
    unit: 'seconds',
  })
  @IsWithin(0.2, 60)
  readonly REDIS_TIMEOUT_SECONDS: number = 2;

  @FromEnvironment({
    does: 'The certificate authorities for Redis over TLS, instead of those of the system.',
    allowed: 'the path of a PEM file',
  })
  @IsOptional()
  @Matches(/^[^\p{Cc}]{1,4096}$/u)
  readonly REDIS_TLS_CA_FILE?: string;

  @FromEnvironment({
    does: 'The user for the Sentinels. The user in `REDIS_URL` is for the Redis servers.',
    isAdvanced: true,
    allowed: '1 to 512 visible ASCII characters without spaces',
  })
  @IsOptional()
  @Matches(/^[\x21-\x7e]{1,512}$/)
  readonly REDIS_SENTINEL_USERNAME?: string;

  @FromEnvironment({
    does: 'The password for the Sentinels.',
    isAdvanced: true,
    allowed: '1 to 512 visible ASCII characters without spaces',
    isSecret: true,
  })
  @IsOptional()
  @Matches(/^[\x21-\x7e]{1,512}$/)
  readonly REDIS_SENTINEL_PASSWORD?: string;

  @FromEnvironment({
    does: 'The prefix of the Redis channels of events: `task` gives `task:queued`.',
    allowed: '1 to 64 of the characters A-Z a-z 0-9 . _ : { } -',
  })
  @Matches(/^[A-Za-z0-9._:{}-]{1,64}$/)
  readonly EVENTS_CHANNEL_PREFIX: string = 'task';

  @FromEnvironment({
    does: 'Events that can wait for a slow Redis. Above this number, the service drops the oldest and counts them. During an outage it drops all.',
    isAdvanced: true,
  })
  @IsWhole(1, 10_000_000)
  readonly EVENTS_BUFFER_SIZE: number = 10_000;

  @FromEnvironment({
    does: 'Events kept so that readers of `GET /events` can resume. The Redis store keeps about this many per queue. The embedded store keeps this many in memory for all queues, from the first reader until ten minutes after the last.',
    isAdvanced: true,
  })
  @IsWhole(1, 100_000_000)
  readonly EVENTS_STREAM_LENGTH: number = 10_000;

  @FromEnvironment({
    does: 'Clients that can read the event stream of a process at the same time. One more gets 429.',
    isAdvanced: true,
  })
  @IsWhole(0, 1_000_000)
  readonly EVENTS_MAX_READERS: number = 1_000;

  @FromEnvironment({
    does: 'How often the event stream sends a keep-alive line.',
    isDeprecated: true,
    unit: 'seconds',
  })
  @IsWithin(0.05, 60)
  readonly EVENTS_HEARTBEAT_SECONDS: number = 15;

  @FromEnvironment({
    does: 'How long a reader of the event stream can leave data unread before the service disconnects it.',
    isDeprecated: true,
    unit: 'seconds',
  })
  @IsWithin(0.05, 3600)
  readonly EVENTS_SLOW_READER_SECONDS: number = 15;

  @FromEnvironment({
    does: 'An address that receives transitions of all tasks, besides the `callback_url` of a task.',
    allowed: 'an http or https URL without user and password',
    isSecret: true,
  })
  @IsOptional()
  @IsWebAddress()
  readonly WEBHOOK_URL?: string;

  @FromEnvironment({
    does: 'The types of transitions to send to `WEBHOOK_URL`.',
    allowed: `some of ${TRANSITION_TYPES.join(', ')}, separated by commas without spaces`,
  })
  @Matches(TYPE_LIST)
  readonly WEBHOOK_EVENTS: string = 'completed,failed,cancelled,expired';

  @FromEnvironment({
    does: 'The secret that signs webhooks. With several secrets, the service adds a signature for each, so that you can rotate them. Without a secret, webhooks are unsigned.',
    allowed: 'one or more of `whsec_` and 24 to 64 bytes in Base64, separated by commas without spaces',
    isSecret: true,
  })
  @IsOptional()
  @Matches(WEBHOOK_SECRETS)
  readonly WEBHOOK_SECRET?: string;

  @FromEnvironment({
    does: 'Allows webhooks to private addresses such as 127.0.0.1 and 10.0.0.1. Producers can then make the service send requests to your internal network.',
  })
  @IsBoolean()
  readonly WEBHOOK_ALLOW_PRIVATE: boolean = false;

  @FromEnvironment({
    does: 'How long a receiver of a webhook can take to answer.',
    isAdvanced: true,
    unit: 'seconds',
  })
  @IsWithin(0.05, 300)
  readonly WEBHOOK_TIMEOUT_SECONDS: number = 10;

  @FromEnvironment({ does: 'How long to retry a webhook.', isAdvanced: true, unit: 'seconds' })
  @IsWithin(1, 2_592_000)
  readonly WEBHOOK_RETRY_SECONDS: number = 86_400;

  @FromEnvironment({
    does: 'How many delivered or parked webhooks to keep, for `RETENTION_SECONDS` at most.',
    isAdvanced: true,
  })
  @IsWhole(0, 1_000_000)
  readonly WEBHOOK_MAX_ENDED: number = 10_000;

  @FromEnvironment({
    does: 'Opens `GET /metrics` to callers without a key. Metrics name the queues and contain no task data.',
  })
  @IsBoolean()
  readonly METRICS_PUBLIC: boolean = false;

  @FromEnvironment({
    does: 'The least important level to log. `info` logs each request, `debug` each transition.',
  })
  @IsIn(['error', 'warn', 'info', 'debug'])
  readonly LOG_LEVEL: LogLevel = 'info';

  @FromEnvironment({
    does: 'The format of log lines. `auto` is `pretty` on a terminal, and otherwise `json`.',
  })
  @IsIn(['auto', 'json', 'pretty'])
  readonly LOG_FORMAT: LogFormat = 'auto';

  @FromEnvironment({
    does: 'How much longer than its `timeout` a task is leased by default.',
    unit: 'seconds',
  })
  @IsWithin(0, 86_400)
  @AtMost('MAX_LEASE_SECONDS')
  readonly LEASE_GRACE_SECONDS: number = 30;

  @FromEnvironment({
    does: 'The longest lease that a claim or a heartbeat can ask for.',
    isAdvanced: true,
    unit: 'seconds',
  })
  @IsWithin(1, 2_592_000)
  readonly MAX_LEASE_SECONDS: number = 86_400;

  @FromEnvironment({ does: 'Rejects reports without a `lease_id`.' })
  @IsBoolean()
  readonly REQUIRE_LEASE_ID: boolean = false;

  @FromEnvironment({
    does: 'How long the service lists a silent worker without tasks. After a third of this time the worker is `gone`.',
    isAdvanced: true,
    unit: 'seconds',
  })
  @IsWithin(10, 86_400)
  readonly WORKER_FORGET_SECONDS: number = 300;

  @FromEnvironment({
    does: 'How many interrupted attempts in a row, on at least three tasks, put a worker into quarantine. Attempts of other workers must end meanwhile. 0 turns the quarantine off.',
    isAdvanced: true,
  })
  @IsWhole(0, 20)
  readonly WORKER_QUARANTINE_AFTER: number = 5;

  @FromEnvironment({
    does: 'How long to keep ended tasks and batches.',
    unit: 'seconds',
  })
  @IsWithin(1, 315_360_000)
  readonly RETENTION_SECONDS: number = 86_400;

  @FromEnvironment({ does: 'How many ended tasks to keep. The service removes the oldest first.' })
  @IsWhole(1, 1_000_000_000)
  readonly RETENTION_MAX_TASKS: number = 1_000_000;

  @FromEnvironment({
    does: 'How much space ended tasks can use. The service removes the oldest first.',
    unit: 'bytes',
  })
  @IsWhole(1024, 1_125_899_906_842_624)
  readonly RETENTION_MAX_BYTES: number = 4_294_967_296;

  @FromEnvironment({
    does: 'How much of the log of each attempt to keep. The service drops the oldest bytes. 0 turns logs off.',
    unit: 'bytes',
    byDefault: '`1048576`, or `65536` with `QUEUE_STORE=redis`',
  })
  @IsOptional()
  @IsWhole(0, 1_073_741_824)
  readonly LOG_MAX_BYTES?: number;

  @FromEnvironment({
    does: 'How many attempts of a task keep their log. The service drops the log of the oldest.',
    isAdvanced: true,
  })
  @IsWhole(1, 1000)
  readonly LOG_MAX_ATTEMPTS: number = 20;

  @FromEnvironment({
    does: 'Where to keep artifacts: in a directory, or in S3. An empty value (`ARTIFACTS=`) turns artifacts off. The endpoint, the region and the keys of S3 come from the usual `AWS_` variables.',
    allowed: 'the path of a directory, `s3://bucket` or `s3://bucket/prefix`, or empty',
    takesEmpty: true,
    byDefault: '`DATA_DIR/artifacts` with the embedded store; off with Redis',
  })
  @IsOptional()
  @Matches(ARTIFACTS_PLACE)
  readonly ARTIFACTS?: string;

  @FromEnvironment({ does: 'The largest artifact.', unit: 'bytes' })
  @IsWhole(1, 5_497_558_138_880)
  @AtMost('TASK_ARTIFACTS_MAX_BYTES')
  readonly ARTIFACT_MAX_BYTES: number = 2_147_483_648;

  @FromEnvironment({ does: 'The most space that the artifacts of one task can use.', unit: 'bytes' })
  @IsWhole(1, 1_125_899_906_842_624)
  @AtMost('ARTIFACTS_MAX_BYTES')
  readonly TASK_ARTIFACTS_MAX_BYTES: number = 4_294_967_296;

  @FromEnvironment({ does: 'How many artifacts one task can have.', isAdvanced: true })
  @IsWhole(1, 1_000)
  readonly TASK_ARTIFACTS_MAX: number = 100;

  @FromEnvironment({
    does: 'The most space that all artifacts together can use. When it is used up, the service answers uploads with 429. Several replicas can exceed it by the uploads of one minute.',
    unit: 'bytes',
  })
  @IsWhole(1, 1_125_899_906_842_624)
  readonly ARTIFACTS_MAX_BYTES: number = 17_179_869_184;

  @FromEnvironment({
    does: 'Uploads of artifacts in progress in one process. One more gets 429.',
    isAdvanced: true,
  })
  @IsWhole(1, 10_000)
  readonly ARTIFACT_MAX_UPLOADS: number = 32;

  @FromEnvironment({ does: 'The largest request body.', unit: 'bytes' })
  @IsWhole(1024, 268_435_456)
  @AtMost('MAX_BUFFERED_BYTES')
  readonly MAX_BODY_BYTES: number = 2_097_152;

  @FromEnvironment({ does: 'The longest `code` of a task, in UTF-8.', unit: 'bytes' })
  @IsWhole(1, 268_435_456)
  @AtMost('MAX_BODY_BYTES')
  readonly MAX_CODE_BYTES: number = 1_048_576;

  @FromEnvironment({ does: 'The longest `metadata` of a task, as JSON text in UTF-8.', unit: 'bytes' })
  @IsWhole(2, 268_435_456)
  @AtMost('MAX_BODY_BYTES')
  readonly MAX_METADATA_BYTES: number = 16_384;

  @FromEnvironment({ does: 'How deeply arrays and objects of a body can be nested.', isAdvanced: true })
  @IsWhole(4, 1000)
  readonly MAX_JSON_DEPTH: number = 32;

  @FromEnvironment({ does: 'How many object keys a body can have.', isAdvanced: true })
  @IsWhole(32, 10_000_000)
  readonly MAX_JSON_KEYS: number = 10_000;

  @FromEnvironment({
    does: 'The largest request line and headers together.',
    isAdvanced: true,
    unit: 'bytes',
  })
  @IsWhole(2048, 1_048_576)
  readonly MAX_HEADER_BYTES: number = 16_384;

  @FromEnvironment({
    does: 'Polls and reads that can wait at a process at the same time. One more gets 429.',
  })
  @IsWhole(0, 1_000_000)
  readonly MAX_PARKED_POLLS: number = 10_000;

  @FromEnvironment({
    does: 'Unanswered requests that a client can send on one connection. One more closes the connection. The service handles four at a time.',
    isAdvanced: true,
  })
  @IsWhole(4, 100_000)
  readonly MAX_PIPELINED_REQUESTS: number = 256;

  @FromEnvironment({
    does: 'The most memory for unfinished bodies and unread answers of all clients together. Above it, the service closes the connections whose requests or answers began first.',
    isAdvanced: true,
    unit: 'bytes',
  })
  @IsWhole(1_048_576, 1_099_511_627_776)
  readonly MAX_BUFFERED_BYTES: number = 268_435_456;

  @FromEnvironment({
    does: 'Connections that can be open at the same time. The service closes further ones at once.',
  })
  @IsWhole(1, 1_000_000)
  readonly MAX_CONNECTIONS: number = 20_000;

  @FromEnvironment({
    does: 'How long to keep serving after SIGTERM while `/readyz` answers 503, so that load balancers stop sending requests. A second signal, or SIGINT, ends the delay.',
    unit: 'seconds',
  })
  @IsWithin(0, 300)
  readonly SHUTDOWN_DELAY_SECONDS: number = 0;

  @FromEnvironment({
    does: 'How long requests in flight can take after SIGTERM and `SHUTDOWN_DELAY_SECONDS`. The process exits within 10 seconds.',
    isAdvanced: true,
    unit: 'seconds',
  })
  @IsWithin(0.1, 9.5)
  readonly SHUTDOWN_SECONDS: number = 8;

  @FromEnvironment({
    does: 'Your own modules to load with the service: files whose default export is a Nest module.',
    isAdvanced: true,
    allowed: 'paths of files, separated by commas',
  })
  @IsOptional()
  @Matches(/^[^\p{Cc}]{1,4096}$/u)
  readonly EXTENSIONS?: string;

  /** The transition types sent to `WEBHOOK_URL`; empty without a URL. */
  get webhookTypes(): ReadonlySet<TransitionType> {
    const types = this.WEBHOOK_URL === undefined ? [] : this.WEBHOOK_EVENTS.split(',');
    return new Set(types as TransitionType[]);
  }

  /** How much of the logs of a task is kept. No bytes turn logs off. */
  get logLimits(): { readonly maxBytes: number; readonly maxAttempts: number } {
    const byDefault = this.QUEUE_STORE === 'redis' ? 65_536 : 1_048_576;
    return { maxBytes: this.LOG_MAX_BYTES ?? byDefault, maxAttempts: this.LOG_MAX_ATTEMPTS };
  }

  /** Where artifacts are kept; `undefined` turns them off. */
  get artifacts(): string | undefined {
    if (this.ARTIFACTS !== undefined) return this.ARTIFACTS === '' ? undefined : this.ARTIFACTS;
    return this.QUEUE_STORE === 'embedded' ? join(this.DATA_DIR, 'artifacts') : undefined;
  }

  /** In lower case. */
  get allowedHosts(): readonly string[] {
    return this.ALLOWED_HOSTS?.toLowerCase().split(',') ?? [];
  }

  get webhookSecrets(): readonly string[] {
    return this.WEBHOOK_SECRET?.split(',') ?? [];
  }

  /** The printable settings. Secrets are left out, so that a logged config reveals none. */
  toJSON(): Record<string, unknown> {
    const secrets = settingsOf(Config.prototype)
      .filter((setting) => setting.isSecret)
      .map(({ name }) => name);
    return Object.fromEntries(Object.entries(this).filter(([name]) => !secrets.includes(name)));
  }

  [inspect.custom](): Record<string, unknown> {
    return this.toJSON();
  }
}

/**
 * Reads the settings from an environment and ignores other variables.
 * @throws InvalidConfig with one line per invalid setting
 */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const settings = settingsOf(Config.prototype);
  const given = settings.flatMap((setting) => {
    const text = env[setting.name];
    if (text === undefined || (text === '' && !setting.takesEmpty)) return [];
    return [[setting.name, valueOf(setting, text)] as const];
  });
  const config = Object.assign(new Config(), Object.fromEntries(given));
  const bad = new Set(validateSync(config).map(({ property }) => property));
  const lines = settings
    .filter(({ name }) => bad.has(name))
    .map((setting) => complaint(setting, config, env));
  if (config.QUEUE_STORE === 'redis' && config.REDIS_URL === '') lines.push(REDIS_URL_NEEDED);
  if (!bad.has('WEBHOOK_URL') && isPrivateTarget(config)) lines.push(WEBHOOK_URL_PUBLIC);
  if (lines.length === 0) return Object.freeze(config);
  throw new InvalidConfig(lines);
}

/** Whether the Redis for events is only the default, which need not exist. */
export function hasDefaultRedis({ REDIS_URL }: Config): boolean {
  return REDIS_URL === DEFAULT_REDIS_URL;
}

/** The deprecated settings that the environment contains. */
export function deprecatedSettings(env: NodeJS.ProcessEnv): readonly string[] {
  return settingsOf(Config.prototype)
    .filter(({ name, isDeprecated }) => isDeprecated === true && (env[name] ?? '') !== '')
    .map(({ name }) => name);
}

function isPrivateTarget({ WEBHOOK_URL: url, WEBHOOK_ALLOW_PRIVATE: mayBePrivate }: Config): boolean {
  return url !== undefined && !mayBePrivate && isPrivateAddress(url);
}

function complaint(setting: Setting, config: Config, env: NodeJS.ProcessEnv): string {
  const must = `${setting.name} must be ${allowedValues(Config, setting)}`;
  if (setting.isSecret) return `${must}; the current value is a secret and not shown`;
  const text = env[setting.name];
  if (text) return `${must}, not ${shown(text)}`;
  return `${must}, not ${shown(String(Reflect.get(config, setting.name)))} (its default)`;
}

/** The text shortened to one line. */
function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
