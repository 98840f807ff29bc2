import { describeRedisError } from '../../../src/redis/redis-error.js';

describe('describeRedisError', () => {
  it('names a reply by its code only, because it may quote what was sent', () => {
    const reply = new Error("ERR unknown command 'PUBLISH', with args beginning with: 'the payload'");
    reply.name = 'ReplyError';
    expect(describeRedisError(reply)).toBe('ERR');
  });

  it('names what the system says by its code', () => {
    expect(describeRedisError(Object.assign(new Error('no'), { code: 'ECONNREFUSED' }))).toBe('ECONNREFUSED');
  });

  it('says of a cluster what its last node said', () => {
    const cause = Object.assign(new Error('no'), { code: 'ECONNREFUSED' });
    const error = Object.assign(new Error('Failed to refresh slots cache.'), { lastNodeError: cause });
    expect(describeRedisError(error)).toBe('ECONNREFUSED');
  });
});
