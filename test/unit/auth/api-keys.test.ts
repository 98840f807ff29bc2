import { EventEmitter } from 'node:events';
import { renameSync, rmSync, utimesSync } from 'node:fs';
import { ApiKeys } from '../../../src/auth/api-keys.js';
import { InvalidConfig } from '../../../src/config/config.error.js';
import { loadConfig } from '../../../src/config/config.js';
import { KeptLog, keysText, TemporaryDirectory } from './auth.support.js';

const opened: ApiKeys[] = [];
const signals = new EventEmitter();
let directory: TemporaryDirectory;
let log: KeptLog;

async function open(env: NodeJS.ProcessEnv): Promise<ApiKeys> {
  // So rare that only the test itself reads the file again.
  const keys = await ApiKeys.open(loadConfig({ API_KEYS_RELOAD_SECONDS: '3600', ...env }), signals);
  opened.push(keys);
  return keys;
}

beforeEach(() => {
  directory = new TemporaryDirectory();
  log = new KeptLog();
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((keys) => keys.onModuleDestroy()));
  directory.remove();
});

describe('ApiKeys', () => {
  it('knows API_KEY as the admin key "default"', async () => {
    const keys = await open({ API_KEY: 'secret' });
    expect(keys.find('secret')).toEqual({ principal: { keyId: 'default', roles: ['admin'], queues: ['*'] } });
    expect(keys.isOpen).toBe(false);
  });

  it('finds no key that is not one to the letter', async () => {
    const keys = await open({ API_KEY: 'secret' });
    for (const wrong of ['', 'secre', 'secret2', 'SECRET', ' secret', 'undefined', 'null', '__proto__']) {
      expect(keys.find(wrong)).toBeUndefined();
    }
  });

  it('knows the keys of the file beside API_KEY, with their times', async () => {
    const text = keysText({
      k1: { id: 'ci-1', roles: ['producer'], queues: ['a'] },
      k2: { not_before: '2030-01-01T00:00:00Z', expires: '2030-01-02T00:00:00+01:00' },
    });
    const keys = await open({ API_KEY: 'secret', API_KEYS_FILE: directory.write('keys.json', text) });
    expect(keys.find('k1')).toEqual({ principal: { keyId: 'ci-1', roles: ['producer'], queues: ['a'] } });
    expect(keys.find('k2')).toMatchObject({
      notBefore: Date.parse('2030-01-01T00:00:00Z'),
      expires: Date.parse('2030-01-01T23:00:00Z'),
    });
    expect(keys.find('secret')?.principal.keyId).toBe('default');
  });

  it('lets API_KEY do everything although the file gives it less', async () => {
    const path = directory.write('keys.json', keysText({ secret: { roles: ['viewer'] } }));
    const keys = await open({ API_KEY: 'secret', API_KEYS_FILE: path });
    expect(keys.find('secret')?.principal.roles).toEqual(['admin']);
  });

  it('matches a key of any bytes, which a header brings as one character for each', async () => {
    const keys = await open({
      API_KEYS_FILE: directory.write('keys.json', keysText({ schlüssel: { id: 'k1' } })),
    });
    expect(keys.find(Buffer.from('schlüssel').toString('latin1'))).toBeDefined();
  });

  it('is not open with a file that has no keys', async () => {
    const keys = await open({ API_KEYS_FILE: directory.write('keys.json', '{"keys":[]}') });
    expect(keys.isOpen).toBe(false);
    keys.onApplicationBootstrap();
    expect(log.lines).toEqual([]);
  });

  it.each([
    ['0.0.0.0:8081', {}],
    ['[::1]:9', { HOST: '::1', PORT: '9' }],
    ['127.0.0.1:(any free port)', { HOST: '127.0.0.1', PORT: '0' }],
  ])('is open without any key and warns once that %s is', async (address, env) => {
    const keys = await open(env);
    keys.onApplicationBootstrap();
    expect(keys.isOpen).toBe(true);
    expect(log.lines).toEqual([
      `warn: No API key is configured: the service accepts all callers on ${address}. Set API_KEY or API_KEYS_FILE. Set ALLOWED_HOSTS as well, or web pages can reach the service through DNS rebinding.`,
    ]);
  });

  it('stops the start for a file that is missing or wrong, in one line that names it', async () => {
    const missing = open({ API_KEYS_FILE: directory.file('none.json') });
    await expect(missing).rejects.toThrow(InvalidConfig);
    await expect(missing).rejects.toThrow(/^API_KEYS_FILE: .*none\.json cannot be read: ENOENT$/);
    const wrong = open({ API_KEYS_FILE: directory.write('keys.json', '{"keys":[{}]}') });
    await expect(wrong).rejects.toThrow(/^API_KEYS_FILE: .*keys\.json keys\[0\]: .*$/);
    expect(signals.listenerCount('SIGHUP')).toBe(0);
  });
});

describe('ApiKeys, when the file changes', () => {
  let path: string;
  let keys: ApiKeys;

  beforeEach(async () => {
    path = directory.write('keys.json', keysText({ k1: {} }));
    keys = await open({ API_KEYS_FILE: path });
  });

  it('reads it again when it was written', async () => {
    directory.write('keys.json', keysText({ k1: {}, k2: {} }));
    await keys.refresh();
    expect([keys.find('k1'), keys.find('k2')]).not.toContain(undefined);
    expect(log.of('log')).toEqual([`log: Reloaded 2 API keys from ${path}`]);
  });

  it('reads it again when another of the same size and age took its place', async () => {
    const time = new Date('2030-01-01T00:00:00Z');
    utimesSync(path, time, time);
    await keys.refresh();
    utimesSync(directory.write('new.json', keysText({ k2: {} })), time, time);
    renameSync(directory.file('new.json'), path);
    await keys.refresh();
    expect([keys.find('k1'), keys.find('k2')]).toEqual([undefined, expect.anything()]);
  });

  it('does not read it again when nothing changed', async () => {
    await keys.refresh();
    await keys.refresh();
    expect(log.lines).toEqual([]);
  });

  it('keeps the old keys when it became invalid, says so once, and takes the next valid one', async () => {
    directory.write('keys.json', '{"keys":[');
    await keys.refresh();
    await keys.refresh();
    expect(keys.find('k1')).toBeDefined();
    expect(log.lines).toEqual([`error: Kept the current API keys: ${path} is not JSON`]);
    directory.write('keys.json', keysText({ k3: {} }));
    await keys.refresh();
    expect([keys.find('k1'), keys.find('k3')]).toEqual([undefined, expect.anything()]);
  });

  it('keeps the old keys when it is gone, says so once, and takes it when it is back', async () => {
    rmSync(path);
    await keys.refresh();
    await keys.refresh();
    expect(keys.find('k1')).toBeDefined();
    expect(log.lines).toEqual([`error: Kept the current API keys: ${path} cannot be read: ENOENT`]);
    directory.write('keys.json', keysText({ k1: {} }));
    await keys.refresh();
    expect(log.of('log')).toHaveLength(1);
  });

  it('reads it again on SIGHUP', async () => {
    directory.write('keys.json', keysText({ k2: {} }));
    const read = log.next('Reloaded ');
    signals.emit('SIGHUP');
    await read;
    expect(keys.find('k2')).toBeDefined();
  });

  it('lets the last state of the file win when asked many times at once', async () => {
    const reads = ['k2', 'k3', 'k4'].map((key) => {
      directory.write('keys.json', keysText({ [key]: {} }));
      return keys.reload();
    });
    await Promise.all(reads);
    expect(keys.find('k4')).toBeDefined();
  });

  it('stops watching when the module is destroyed', async () => {
    await keys.onModuleDestroy();
    expect(signals.listenerCount('SIGHUP')).toBe(0);
  });
});

describe('ApiKeys, left alone', () => {
  it('looks by itself every API_KEYS_RELOAD_SECONDS', async () => {
    const path = directory.write('keys.json', keysText({ k1: {} }));
    const keys = await open({ API_KEYS_FILE: path, API_KEYS_RELOAD_SECONDS: '0.05' });
    const read = log.next('Reloaded ');
    renameSync(directory.write('new.json', keysText({ k2: {} })), path);
    await read;
    expect(keys.find('k2')).toBeDefined();
  });

  it('hears the signals of the process', async () => {
    const path = directory.write('keys.json', keysText({ k1: {} }));
    const keys = await ApiKeys.open(loadConfig({ API_KEYS_FILE: path, API_KEYS_RELOAD_SECONDS: '3600' }));
    opened.push(keys);
    const read = log.next('Reloaded ');
    process.emit('SIGHUP', 'SIGHUP');
    await read;
    expect(log.of('log')).toHaveLength(1);
  });
});
