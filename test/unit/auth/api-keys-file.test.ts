import { InvalidKeysFile, parseKeys, readKeysFile } from '../../../src/auth/api-keys-file.js';
import { keysText, sha256, TemporaryDirectory } from './auth.support.js';

const DIGEST = sha256('k1');

function faultOf(text: string): string {
  try {
    parseKeys(text);
  } catch (error) {
    if (error instanceof InvalidKeysFile) return error.message;
    throw error;
  }
  return 'none';
}

function withKey(members: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ keys: [{ id: 'a', sha256: DIGEST, roles: ['worker'], ...members }] });
}

describe('parseKeys', () => {
  it('reads the example of the contract', () => {
    const text = keysText({ k1: { id: 'ci-1', roles: ['producer', 'viewer'], queues: ['a', 'b'] } });
    expect(parseKeys(text)).toEqual([
      {
        id: 'ci-1',
        sha256: DIGEST,
        roles: ['producer', 'viewer'],
        queues: ['a', 'b'],
        not_before: null,
        expires: null,
      },
    ]);
  });

  it('takes an empty list, capital digits and keys without queues and times', () => {
    expect(parseKeys('{"keys":[]}')).toEqual([]);
    expect(parseKeys(withKey({ sha256: DIGEST.toUpperCase() }))).toMatchObject([
      { queues: ['*'], expires: null },
    ]);
  });

  it.each([
    '',
    '{',
    'null',
    '[]',
    '{}',
    '{"keys":{}}',
    '{"keys":null}',
    '{"keys":[],"more":1}',
    '{"keys":[null]}',
  ])('refuses %j', (text) => {
    expect(faultOf(text)).not.toBe('none');
  });

  it.each([
    ['id', { id: '' }],
    ['id', { id: 'with blank' }],
    ['id', { id: 'lease' }],
    ['id', { id: 'anyone' }],
    ['id', { id: 7 }],
    ['sha256', { sha256: 'k1' }],
    ['sha256', { sha256: null }],
    ['sha256', { sha256: DIGEST.slice(1) }],
    ['roles', { roles: [] }],
    ['roles', { roles: 'admin' }],
    ['roles', { roles: ['root'] }],
    ['queues', { queues: [] }],
    ['queues', { queues: 'a' }],
    ['queues', { queues: ['a*'] }],
    ['queues', { queues: [1] }],
    ['not_before', { not_before: 'soon' }],
    ['expires', { expires: '2030-01-01T00:00:00' }],
    ['expires', { expires: '2030-02-30T00:00:00Z' }],
    ['expires', { expires: '2027-W09-1T00:00:00Z' }],
    ['not_before', { not_before: '2027-060T00:00:00Z' }],
    ['not_before', { not_before: '2027-02-28T24:00:00Z' }],
    ['expires', { expires: 1_893_456_000 }],
    ['expires', { not_before: '2030-01-01T00:00:00Z', expires: '2030-01-01T01:00:00+01:00' }],
    ['queues', { roles: ['admin'], queues: ['a'] }],
    ['member', { queue: ['a'] }],
  ])('names %s as the fault of %j', (name, members) => {
    expect(faultOf(withKey(members))).toMatch(new RegExp(`^keys\\[0\\].*${name}`));
  });

  it('refuses two keys of the same id or digest', () => {
    expect(faultOf(keysText({ k1: { id: 'a' }, k2: { id: 'a' } }))).toBe(
      'keys[0] and keys[1] have the same id',
    );
    const twice = JSON.parse(keysText({ k1: {} })) as { keys: object[] };
    twice.keys.push({ ...twice.keys[0], id: 'b' });
    expect(faultOf(JSON.stringify(twice))).toBe('keys[0] and keys[1] have the same sha256');
  });

  it('is not fooled by the names of prototypes', () => {
    expect(faultOf(`{"keys":[{"__proto__":{"roles":["admin"]},"id":"a","sha256":"${DIGEST}"}]}`)).toContain(
      'member',
    );
    expect(faultOf(withKey({ constructor: 1 }))).toContain('member');
  });

  it('quotes nothing of the file: the key itself may be in the wrong place', () => {
    const texts = [
      'hidden',
      '{"keys":[hidden',
      withKey({ sha256: 'hidden' }),
      withKey({ id: 'hidden hidden' }),
    ];
    const faults = [...texts, withKey({ hidden: 'hidden' }), withKey({ roles: ['hidden'] })].map(faultOf);
    expect(faults).not.toContain('none');
    expect(faults.join()).not.toContain('hidden');
  });
});

describe('readKeysFile', () => {
  const directory = new TemporaryDirectory();
  afterAll(() => directory.remove());

  it('says why a file cannot be read', async () => {
    await expect(readKeysFile(directory.file('none.json'))).rejects.toThrow('cannot be read: ENOENT');
    await expect(readKeysFile(directory.path)).rejects.toThrow('cannot be read: EISDIR');
  });

  it('does not read what is far too large', async () => {
    const path = directory.write('large.json', ' '.repeat(4_194_305));
    await expect(readKeysFile(path)).rejects.toThrow(InvalidKeysFile);
  });
});
