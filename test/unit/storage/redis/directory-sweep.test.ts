import { DirectorySweep } from '../../../../src/storage/redis/commands/directory-sweep.js';
import { IdDirectory } from '../../../../src/storage/redis/records/id-directory.js';
import { StoreConnection } from '../../../../src/storage/redis/connection/store-connection.js';
import { idsOf } from '../../../support/store-user.js';
import { useLinks } from '../../redis/link.support.js';
import { useRedis } from './redis.site.js';

const site = useRedis();
const openLink = useLinks();

async function openSweep(): Promise<DirectorySweep> {
  const link = openLink(site.server.url);
  await link.ready(20_000);
  const connection = new StoreConnection({ link, replicas: 0, limitMs: 20_000 });
  return new DirectorySweep({
    connection,
    keys: site.keys,
    directory: new IdDirectory(connection, site.keys),
  });
}

describe('the sweep of the directory', () => {
  it('takes out entries whose tasks are not there, and no others', async () => {
    const user = await site.user();
    const client = await site.client();
    await user.add({ id: 'a' }, { id: 'b', queue: 'other' });
    await client.mset(site.keys.entry('lost'), 'nonce default', site.keys.entry('lost:2'), 'nonce nowhere');
    await (await openSweep()).look();
    expect((await client.keys(site.keys.entry('*'))).toSorted()).toEqual(
      ['a', 'b'].map((id) => site.keys.entry(id)),
    );
    expect(idsOf(await user.list()).toSorted()).toEqual(['a', 'b']);
    await user.add({ id: 'lost' }, { id: 'lost:2' });
  });

  it('keeps an insert from coming late whose entry it has taken out, and lets it begin anew', async () => {
    const user = await site.user({ isCluster: true });
    const client = await site.client();
    await client.set(site.keys.entry('a'), 'nonce default');
    await (await openSweep()).look();
    expect(await client.get(`${site.keys.queue('default')}:gone:a`)).toBe('nonce');
    await user.add({ id: 'a' });
    expect(idsOf(await user.take())).toEqual(['a']);
  });
});
