import { inspect } from 'node:util';
import { IsBoolean, IsIn, IsOptional, Matches, validateSync } from 'class-validator';
import { REDIS_URL_FORMS } from '../redis/redis-url.js';
import { isPrivateAddress } from '../http/public-address.js';
import { IsWebAddress } from '../http/web-address.decorator.js';
import { TRANSITION_TYPES, type TransitionType } from '../task/task.js';
import { allowedValues } from './allowed-values.js';
import { InvalidConfig } from './config.error.js';
import { AtMost, IsRedisUrlOrEmpty, IsWhole, IsWithin } from './config.validators.js';
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

const REDIS_URL_NEEDED =
  'REDIS_URL must not be empty with QUEUE_STORE=redis: it says where the tasks are kept';

const WEBHOOK_URL_PUBLIC =
  'WEBHOOK_URL must lead to a public address; set WEBHOOK_ALLOW_PRIVATE=true to send webhooks to private ones';

/** Every setting of the service, each declared here and nowhere else. Made by `loadConfig`. */
export class Config {
  @FromEnvironment({ does: 'The TCP port to listen on; 0 takes any free one.' })
  @IsWhole(0, 65_535)
  readonly PORT: number = 8081;

  @FromEnvironment({
    does: 'The address to listen on. `127.0.0.1` keeps the service to this machine.',
    allowed: 'an IP address or a host name of this machine',
  })
  @Matches(/^[A-Za-z0-9._:%-]{1,253}$/)
  readonly HOST: string = '0.0.0.0';

  @FromEnvironment({
    does: 'The key that may do everything. Without this and `API_KEYS_FILE` the service is open to all who reach it.',
    allowed: '1 to 512 visible ASCII characters without blanks',
    isSecret: true,
  })
  @IsOptional()
  @Matches(/^[\x21-\x7e]{1,512}$/)
  readonly API_KEY?: string;

  @FromEnvironment({
    does: 'A JSON file with further keys, their roles and queues. It is read again when it changes and on SIGHUP.',
    allowed: 'the path of a file',
  })
  @IsOptional()
  @Matches(/^[^\p{Cc}]{1,4096}$/u)
  readonly API_KEYS_FILE?: string;

  @FromEnvironment({ does: 'How often to look whether the file of keys has changed.', unit: 'seconds' })
  @IsWithin(0.05, 3600)
  readonly API_KEYS_RELOAD_SECONDS: number = 5;

  @FromEnvironment({
    does: 'Wrong keys that one client address may send in a minute before it is answered 429. A right key still works.',
  })
  @IsWhole(1, 1_000_000)
  readonly AUTH_FAILURES_PER_MINUTE: number = 60;

  @FromEnvironment({
    does: 'The names that the service may be called by in `Host`; a request with another is answered 403. Keeps web pages from reaching a service without a key by a name of their own (DNS rebinding). IP addresses and the probes are always let in. Without it every name is.',
    allowed: 'host names, with a port or for every port, separated by commas and without blanks',
  })
  @IsOptional()
  @Matches(HOST_LIST)
  readonly ALLOWED_HOSTS?: string;

  @FromEnvironment({ does: 'Where tasks are kept: in files of this process, or in Redis.' })
  @IsIn(['embedded', 'redis'])
  readonly QUEUE_STORE: QueueStore = 'embedded';

  @FromEnvironment({
    does: 'The directory of the embedded store. One process at a time may use it.',
    allowed: 'the path of a directory',
  })
  @Matches(/^[^\p{Cc}]{1,4096}$/u)
  readonly DATA_DIR: string = './data';

  @FromEnvironment({
    does: 'The Redis that events are published to, and that tasks are kept in with `QUEUE_STORE=redis`. Set to nothing (`REDIS_URL=`), no events go out.',
    allowed: `${REDIS_URL_FORMS.join(' or ')}, the same with rediss in place of redis for TLS, or nothing`,
    isSecret: true,
    takesEmpty: true,
  })
  @IsRedisUrlOrEmpty()
  readonly REDIS_URL: string = 'redis://redis:6379';

  @FromEnvironment({
    does: 'The beginning of every key of the Redis store. Services with the same one share their tasks.',
    allowed: '1 to 64 of the characters A-Z a-z 0-9 . _ : -',
  })
  @Matches(/^[A-Za-z0-9._:-]{1,64}$/)
  readonly REDIS_KEY_PREFIX: string = 'cq';

  @FromEnvironment({
    does: 'How many replicas of the Redis store must have a write before it is acknowledged.',
  })
  @IsWhole(0, 100)
  readonly REDIS_WAIT_REPLICAS: number = 0;

  @FromEnvironment({ does: 'A Redis that is silent for longer is away.', unit: 'seconds' })
  @IsWithin(0.2, 60)
  readonly REDIS_TIMEOUT_SECONDS: number = 2;

  @FromEnvironment({
    does: 'The certificate authorities to trust for Redis with TLS, instead of those of the system.',
    allowed: 'the path of a PEM file',
  })
  @IsOptional()
  @Matches(/^[^\p{Cc}]{1,4096}$/u)
  readonly REDIS_TLS_CA_FILE?: string;

  @FromEnvironment({
    does: 'The user for the Sentinels themselves; the one in `REDIS_URL` is for what they watch.',
    allowed: '1 to 512 visible ASCII characters without blanks',
  })
  @IsOptional()
  @Matches(/^[\x21-\x7e]{1,512}$/)
  readonly REDIS_SENTINEL_USERNAME?: string;

  @FromEnvironment({
    does: 'The password for the Sentinels themselves.',
    allowed: '1 to 512 visible ASCII characters without blanks',
    isSecret: true,
  })
  @IsOptional()
  @Matches(/^[\x21-\x7e]{1,512}$/)
  readonly REDIS_SENTINEL_PASSWORD?: string;

  @FromEnvironment({
    does: 'The beginning of the Redis channels of events: `task` gives `task:queued`.',
    allowed: '1 to 64 of the characters A-Z a-z 0-9 . _ : { } -',
  })
  @Matches(/^[A-Za-z0-9._:{}-]{1,64}$/)
  readonly EVENTS_CHANNEL_PREFIX: string = 'task';

  @FromEnvironment({
    does: 'Events that may wait to be sent. When more come, the oldest are dropped and counted; while Redis is away none wait.',
  })
  @IsWhole(1, 10_000_000)
  readonly EVENTS_BUFFER_SIZE: number = 10_000;

  @FromEnvironment({
    does: 'Events that are kept so that whoever missed some can read them again: by the Redis store for each queue, about; by any process in memory, of all queues, while somebody reads the event stream and ten minutes longer.',
  })
  @IsWhole(1, 100_000_000)
  readonly EVENTS_STREAM_LENGTH: number = 10_000;

  @FromEnvironment({
    does: 'Clients that may read the event stream at the same time. One more is answered 429.',
  })
  @IsWhole(0, 1_000_000)
  readonly EVENTS_MAX_READERS: number = 1_000;

  @FromEnvironment({
    does: 'How often the event stream gives a sign of life when nothing happens.',
    unit: 'seconds',
  })
  @IsWithin(0.05, 60)
  readonly EVENTS_HEARTBEAT_SECONDS: number = 15;

  @FromEnvironment({
    does: 'How long a reader of the event stream may leave unread what it was sent, before it is cut off.',
    unit: 'seconds',
  })
  @IsWithin(0.05, 3600)
  readonly EVENTS_SLOW_READER_SECONDS: number = 15;

  @FromEnvironment({
    does: 'An address that is told of transitions, besides the `callback_url` of a task.',
    allowed: 'an address with http or https, without user and password',
    isSecret: true,
  })
  @IsOptional()
  @IsWebAddress()
  readonly WEBHOOK_URL?: string;

  @FromEnvironment({
    does: 'The types of transitions that `WEBHOOK_URL` is told of.',
    allowed: `some of ${TRANSITION_TYPES.join(', ')}, with commas and without blanks`,
  })
  @Matches(TYPE_LIST)
  readonly WEBHOOK_EVENTS: string = 'completed,failed,cancelled,expired';

  @FromEnvironment({
    does: 'What webhooks are signed with. Several are for the time of a change: each signs. Without one nothing is signed.',
    allowed: 'one or more of `whsec_` and 24 to 64 bytes in Base64, with commas and without blanks',
    isSecret: true,
  })
  @IsOptional()
  @Matches(WEBHOOK_SECRETS)
  readonly WEBHOOK_SECRET?: string;

  @FromEnvironment({
    does: 'Send webhooks also to addresses that are not public, such as 127.0.0.1 and 10.0.0.1. Whoever may enqueue could then have requests sent to services beside this one.',
  })
  @IsBoolean()
  readonly WEBHOOK_ALLOW_PRIVATE: boolean = false;

  @FromEnvironment({ does: 'How long the receiver of a webhook may take to answer.', unit: 'seconds' })
  @IsWithin(0.05, 300)
  readonly WEBHOOK_TIMEOUT_SECONDS: number = 10;

  @FromEnvironment({ does: 'How long a webhook is tried again.', unit: 'seconds' })
  @IsWithin(1, 2_592_000)
  readonly WEBHOOK_RETRY_SECONDS: number = 86_400;

  @FromEnvironment({
    does: 'How many webhooks that were delivered or given up are kept to be looked at, for `RETENTION_SECONDS` at most.',
  })
  @IsWhole(0, 1_000_000)
  readonly WEBHOOK_MAX_ENDED: number = 10_000;

  @FromEnvironment({
    does: 'Let everybody read `GET /metrics` without a key. It names the queues, and holds nothing of what is in tasks.',
  })
  @IsBoolean()
  readonly METRICS_PUBLIC: boolean = false;

  @FromEnvironment({
    does: 'The least important lines that are logged. `info` has one for each request, `debug` one for each transition.',
  })
  @IsIn(['error', 'warn', 'info', 'debug'])
  readonly LOG_LEVEL: LogLevel = 'info';

  @FromEnvironment({ does: 'How a line is logged. `auto` is `pretty` on a terminal, else `json`.' })
  @IsIn(['auto', 'json', 'pretty'])
  readonly LOG_FORMAT: LogFormat = 'auto';

  @FromEnvironment({
    does: 'How much longer than its `timeout` a task is leased to a worker that sends no heartbeats.',
    unit: 'seconds',
  })
  @IsWithin(0, 86_400)
  @AtMost('MAX_LEASE_SECONDS')
  readonly LEASE_GRACE_SECONDS: number = 30;

  @FromEnvironment({ does: 'The longest lease that a claim or a heartbeat may ask for.', unit: 'seconds' })
  @IsWithin(1, 2_592_000)
  readonly MAX_LEASE_SECONDS: number = 86_400;

  @FromEnvironment({ does: 'Refuse a worker that finishes a task without naming its lease.' })
  @IsBoolean()
  readonly REQUIRE_LEASE_ID: boolean = false;

  @FromEnvironment({
    does: 'How long a worker that holds nothing may be silent before it is forgotten. After a third of it, it is gone.',
    unit: 'seconds',
  })
  @IsWithin(10, 86_400)
  readonly WORKER_FORGET_SECONDS: number = 300;

  @FromEnvironment({
    does: 'How long a task is kept after it ended, and a batch after it was done.',
    unit: 'seconds',
  })
  @IsWithin(1, 315_360_000)
  readonly RETENTION_SECONDS: number = 86_400;

  @FromEnvironment({ does: 'How many ended tasks are kept. The oldest go first.' })
  @IsWhole(1, 1_000_000_000)
  readonly RETENTION_MAX_TASKS: number = 1_000_000;

  @FromEnvironment({
    does: 'How much the ended tasks that are kept may hold. The oldest go first.',
    unit: 'bytes',
  })
  @IsWhole(1024, 1_125_899_906_842_624)
  readonly RETENTION_MAX_BYTES: number = 4_294_967_296;

  @FromEnvironment({ does: 'The largest body of a request.', unit: 'bytes' })
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

  @FromEnvironment({ does: 'How deep arrays and objects of a body may be nested.' })
  @IsWhole(4, 1000)
  readonly MAX_JSON_DEPTH: number = 32;

  @FromEnvironment({ does: 'How many object keys a body may have in all.' })
  @IsWhole(32, 10_000_000)
  readonly MAX_JSON_KEYS: number = 10_000;

  @FromEnvironment({ does: 'The request line and all headers of a request together.', unit: 'bytes' })
  @IsWhole(2048, 1_048_576)
  readonly MAX_HEADER_BYTES: number = 16_384;

  @FromEnvironment({ does: 'Requests that may wait for a task at the same time. One more is answered 429.' })
  @IsWhole(0, 1_000_000)
  readonly MAX_PARKED_POLLS: number = 10_000;

  @FromEnvironment({
    does: 'Requests that a client may send on one connection before the first of them is answered. One more ends the connection. Four of a connection are worked on at the same time.',
  })
  @IsWhole(4, 100_000)
  readonly MAX_PIPELINED_REQUESTS: number = 256;

  @FromEnvironment({
    does: 'What the unfinished bodies and the unread answers of all clients may hold in memory together. Beyond it, the clients that began first are cut off: those that keep up are done by then.',
    unit: 'bytes',
  })
  @IsWhole(1_048_576, 1_099_511_627_776)
  readonly MAX_BUFFERED_BYTES: number = 268_435_456;

  @FromEnvironment({ does: 'Connections that may be open at the same time. One more is closed at once.' })
  @IsWhole(1, 1_000_000)
  readonly MAX_CONNECTIONS: number = 20_000;

  @FromEnvironment({
    does: 'How long the service goes on serving after SIGTERM while `/readyz` says that it is not ready, so that load balancers send no more before it stops. A second signal, or SIGINT, ends this wait.',
    unit: 'seconds',
  })
  @IsWithin(0, 300)
  readonly SHUTDOWN_DELAY_SECONDS: number = 0;

  @FromEnvironment({
    does: 'How long requests in flight may take after SIGTERM and `SHUTDOWN_DELAY_SECONDS`. The process is gone within 10 seconds then.',
    unit: 'seconds',
  })
  @IsWithin(0.1, 9.5)
  readonly SHUTDOWN_SECONDS: number = 8;

  @FromEnvironment({
    does: 'Modules of your own to load with the service: files whose default export is a Nest module.',
    allowed: 'paths of files, separated by commas',
  })
  @IsOptional()
  @Matches(/^[^\p{Cc}]{1,4096}$/u)
  readonly EXTENSIONS?: string;

  /** What `WEBHOOK_URL` is told of; nothing without it. */
  get webhookTypes(): ReadonlySet<TransitionType> {
    const types = this.WEBHOOK_URL === undefined ? [] : this.WEBHOOK_EVENTS.split(',');
    return new Set(types as TransitionType[]);
  }

  /** In lower case. */
  get allowedHosts(): readonly string[] {
    return this.ALLOWED_HOSTS?.toLowerCase().split(',') ?? [];
  }

  get webhookSecrets(): readonly string[] {
    return this.WEBHOOK_SECRET?.split(',') ?? [];
  }

  /** What of it may be printed: secrets are left out, however it gets into a log. */
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
 * Reads the settings from an environment. Variables that are no settings are ignored.
 * @throws InvalidConfig with one line for each setting that has a bad value
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

function isPrivateTarget({ WEBHOOK_URL: url, WEBHOOK_ALLOW_PRIVATE: mayBePrivate }: Config): boolean {
  return url !== undefined && !mayBePrivate && isPrivateAddress(url);
}

function complaint(setting: Setting, config: Config, env: NodeJS.ProcessEnv): string {
  const must = `${setting.name} must be ${allowedValues(Config, setting)}`;
  if (setting.isSecret) return `${must}; what it is now is not shown, as it is a secret`;
  const text = env[setting.name];
  if (text) return `${must}, not ${shown(text)}`;
  return `${must}, not ${shown(String(Reflect.get(config, setting.name)))} (its default)`;
}

/** Short and on one line, whatever somebody pasted. */
function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
