import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { Test } from '@nestjs/testing';
import { InvalidConfig } from '../../../src/config/config.error.js';
import { ConfigModule } from '../../../src/config/config.module.js';
import { Config, deprecatedSettings, loadConfig } from '../../../src/config/config.js';
import { settingsOf } from '../../../src/config/setting.decorator.js';

function linesOf(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof InvalidConfig) return error.lines;
    throw error;
  }
  return [];
}

describe('loadConfig', () => {
  it('gives the defaults of the contract for an empty environment', () => {
    expect(loadConfig({})).toMatchObject({
      PORT: 8081,
      HOST: '0.0.0.0',
      QUEUE_STORE: 'embedded',
      DATA_DIR: './data',
      REDIS_URL: 'redis://redis:6379',
      REDIS_KEY_PREFIX: 'cq',
      REDIS_WAIT_REPLICAS: 0,
      REDIS_TIMEOUT_SECONDS: 2,
      EVENTS_CHANNEL_PREFIX: 'task',
      LOG_LEVEL: 'info',
      LEASE_GRACE_SECONDS: 30,
      REQUIRE_LEASE_ID: false,
      RETENTION_SECONDS: 86_400,
      MAX_BODY_BYTES: 2_097_152,
      MAX_CODE_BYTES: 1_048_576,
      AUTH_FAILURES_PER_MINUTE: 60,
    });
    expect(loadConfig({}).API_KEY).toBeUndefined();
  });

  it('reads numbers, truth values and texts', () => {
    const config = loadConfig({
      PORT: '0',
      LEASE_GRACE_SECONDS: '0.5',
      REQUIRE_LEASE_ID: 'true',
      HOST: '::1',
    });
    expect(config).toMatchObject({ PORT: 0, LEASE_GRACE_SECONDS: 0.5, REQUIRE_LEASE_ID: true, HOST: '::1' });
  });

  it('takes an empty variable for an absent one', () => {
    const config = loadConfig({ PORT: '', API_KEY: '', API_KEYS_FILE: '', LOG_LEVEL: '' });
    expect(config).toMatchObject({ PORT: 8081, LOG_LEVEL: 'info' });
    expect([config.API_KEY, config.API_KEYS_FILE]).toEqual([undefined, undefined]);
  });

  it('keeps an empty REDIS_URL, which switches events off', () => {
    expect(loadConfig({ REDIS_URL: '' }).REDIS_URL).toBe('');
  });

  it('refuses to keep tasks in a Redis without an address', () => {
    expect(linesOf({ REDIS_URL: '', QUEUE_STORE: 'redis' })).toEqual([
      'REDIS_URL must not be empty with QUEUE_STORE=redis',
    ]);
    expect(linesOf({ QUEUE_STORE: 'redis' })).toEqual([]);
  });

  it.each(['', 'a b', '{tag}', 'x'.repeat(65), 'é'])('refuses %j as the beginning of keys', (text) => {
    // Set to nothing it has its default, as every other setting.
    expect(linesOf({ REDIS_KEY_PREFIX: text })).toHaveLength(text === '' ? 0 : 1);
  });

  it('ignores variables that are no settings', () => {
    const config = loadConfig({ PATH: '/bin', toString: 'x', port: '1' });
    expect(Object.keys(config)).not.toContain('PATH');
    expect(config.PORT).toBe(8081);
  });

  it('names every variable that is wrong, what it is and what is allowed, each on a line', () => {
    expect(
      linesOf({ PORT: '65536', LOG_LEVEL: 'trace', REQUIRE_LEASE_ID: 'yes', SHUTDOWN_SECONDS: '10' }),
    ).toEqual([
      'PORT must be a whole number from 0 to 65535, not "65536"',
      'LOG_LEVEL must be one of error, warn, info, debug, not "trace"',
      'REQUIRE_LEASE_ID must be true or false, not "yes"',
      'SHUTDOWN_SECONDS must be a number of seconds from 0.1 to 9.5, not "10"',
    ]);
  });

  it.each(['0x10', '1e3', ' 8081', '8081\n', '80.5', '-1', 'NaN', 'Infinity', '8081abc', '９'])(
    'refuses %j as a port',
    (text) => {
      expect(linesOf({ PORT: text })).toHaveLength(1);
    },
  );

  it.each([
    'http://redis:6379',
    'redis:6379',
    'redis://',
    'redis://h:99999',
    'redis://h/db',
    'redis://h /0',
    'redis://h,other',
    'redis+sentinel://h',
    'redis+cluster://h/1',
    'redis+other://h',
    'h',
  ])('refuses %j as the address of Redis', (text) => {
    expect(linesOf({ REDIS_URL: text })).toHaveLength(1);
  });

  it.each([
    'redis://:secret@[::1]:6380/2',
    'rediss://user:pass@redis.example',
    'redis://h?family=6',
    'redis+sentinel://user:pass@h:26379,other/name/1',
    'rediss+cluster://h:6379,other:6380',
  ])('takes %j as the address of Redis', (text) => {
    expect(loadConfig({ REDIS_URL: text }).REDIS_URL).toBe(text);
  });

  it.each(['/queue', '/a/b', '/q.1_2~3-4', '/tasks-of-ours', '/Tasks'])(
    'takes %j as the path of a proxy',
    (path) => {
      expect(loadConfig({ BASE_PATH: path }).BASE_PATH).toBe(path);
    },
  );

  it.each([
    '/',
    '/queue/',
    'queue',
    '//queue',
    '/a//b',
    '/a/../b',
    '/.',
    '/a b',
    '/a?b',
    '/a%20b',
    '/é',
    'https://host/queue',
    `/${'a'.repeat(200)}`,
  ])('refuses %j as the path of a proxy', (path) => {
    expect(linesOf({ BASE_PATH: path })).toHaveLength(1);
  });

  it('refuses each path of the service as the path of a proxy, because both would be one', () => {
    const { paths } = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as { paths: object };
    const own = new Set(Object.keys(paths).map((path) => `/${path.split('/')[1] ?? ''}`));
    const taken = [...own, '/dashboard'].flatMap((path) => [path, `${path}/more`]);
    expect(taken.filter((path) => linesOf({ BASE_PATH: path }).length === 0)).toEqual([]);
  });

  it.each([' ', 'two words', 'tab\there', 'line\n', 'ключ', 'x'.repeat(513)])(
    'refuses %j as a key',
    (key) => {
      const lines = linesOf({ API_KEY: key });
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain('API_KEY');
    },
  );

  it('shows no secret in a complaint', () => {
    const lines = linesOf({
      API_KEY: 'hidden key',
      REDIS_URL: 'http://:hidden@redis',
      REDIS_SENTINEL_PASSWORD: 'hidden word',
    });
    expect(lines).toHaveLength(3);
    expect(lines.join()).not.toContain('hidden');
  });

  it('shows a long or many-lined value short and on one line', () => {
    const [line = ''] = linesOf({ HOST: `a\n${'b'.repeat(5000)}` });
    expect(line.length).toBeLessThan(200);
    expect(line).not.toContain('\n');
  });

  it('wants the code and the metadata of a task to fit into a body', () => {
    expect(linesOf({ MAX_BODY_BYTES: '8192', MAX_METADATA_BYTES: '9000' })).toEqual([
      'MAX_CODE_BYTES must be a whole number of bytes from 1 to 268435456, at most MAX_BODY_BYTES, not "1048576" (its default)',
      'MAX_METADATA_BYTES must be a whole number of bytes from 2 to 268435456, at most MAX_BODY_BYTES, not "9000"',
    ]);
    expect(linesOf({ MAX_BODY_BYTES: '16384', MAX_CODE_BYTES: '16384' })).toEqual([]);
  });

  it('complains of the bound alone when the bound is no number', () => {
    expect(linesOf({ MAX_BODY_BYTES: 'much' })).toHaveLength(1);
  });
});

describe('Config', () => {
  it('has bounds for every setting: none takes just anything', () => {
    for (const { name } of settingsOf(Config.prototype)) {
      // No number, no choice, no address, and too long for a path or a key.
      expect(linesOf({ [name]: `${'x'.repeat(5000)} ` })).toHaveLength(1);
    }
  });

  it('prints without its secrets', () => {
    const config = loadConfig({ API_KEY: 'hidden-key', REDIS_URL: 'redis://:hidden-word@redis' });
    expect(`${inspect(config)} ${inspect({ config })} ${JSON.stringify(config)}`).not.toContain('hidden');
    expect(JSON.parse(JSON.stringify(config))).toMatchObject({ PORT: 8081 });
  });

  it('cannot be changed', () => {
    expect(Object.isFrozen(loadConfig({}))).toBe(true);
  });

  it('is injected under its class', async () => {
    const config = loadConfig({ PORT: '9' });
    const module = await Test.createTestingModule({ imports: [ConfigModule.forRoot(config)] }).compile();
    expect(module.get(Config)).toBe(config);
  });
});

describe('deprecatedSettings', () => {
  it('names those that are given, and not those that are empty or fine', () => {
    const given = { EVENTS_HEARTBEAT_SECONDS: '15', API_KEYS_RELOAD_SECONDS: '', PORT: '0' };
    expect(deprecatedSettings(given)).toEqual(['EVENTS_HEARTBEAT_SECONDS']);
    expect(loadConfig(given).EVENTS_HEARTBEAT_SECONDS).toBe(15);
  });
});
