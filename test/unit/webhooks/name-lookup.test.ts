import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NameLookup, type NameLookupOptions } from '../../../src/webhooks/name-lookup.js';
import { WebhookSender } from '../../../src/webhooks/webhook-sender.js';

type Answer = (query: Buffer) => Buffer | undefined;

/** A name server on loopback. */
async function withNameServer(answer: Answer, use: (server: string) => Promise<void>): Promise<void> {
  const socket = createSocket('udp4');
  socket.on('message', (query: Buffer, { port, address }: RemoteInfo) => {
    const reply = answer(query);
    if (reply !== undefined) socket.send(reply, port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  try {
    await use(`127.0.0.1:${socket.address().port}`);
  } finally {
    socket.close();
  }
}

const SILENT: Answer = () => undefined;
const UNKNOWN: Answer = (query) => replyTo(query, 0x8183);
const KNOWN: Answer = (query) => {
  const isForIp4 = query.readUInt16BE(query.length - 4) === 1;
  if (!isForIp4) return replyTo(query, 0x8180);
  const record = Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
  return Buffer.concat([replyTo(query, 0x8180, 1), record]);
};

/** The question and these flags, in front of so many answers. */
function replyTo(query: Buffer, flags: number, answers = 0): Buffer {
  const reply = Buffer.from(query);
  reply.writeUInt16BE(flags, 2);
  reply.writeUInt16BE(answers, 6);
  return reply;
}

/** A system that answers when the test says so. */
function stagedSystem() {
  const asked: string[] = [];
  const answers: (() => void)[] = [];
  const askSystem: NameLookupOptions['askSystem'] = (host, _, callback) => {
    asked.push(host);
    answers.push(() => callback(null, [{ address: '192.0.2.9', family: 4 }]));
  };
  return { asked, answers, askSystem };
}

const turn = () => new Promise(setImmediate);

describe('a lookup of names', () => {
  it('holds no thread of the process for names whose servers are silent', async () => {
    const { asked, askSystem } = stagedSystem();
    await withNameServer(SILENT, async (server) => {
      const names = new NameLookup({ servers: [server], timeoutMs: 20, askSystem });
      const sender = new WebhookSender({ timeoutMs: 60_000, mayBePrivate: true, names });
      const posts = Array.from({ length: 32 }, (_, index) =>
        sender.post(
          { url: `http://${index}.silent.example/`, headers: {}, body: '{}' },
          new AbortController().signal,
        ),
      );
      expect(new Set((await Promise.all(posts)).map(({ error }) => error))).toEqual(
        new Set(['No connection: ETIMEOUT']),
      );
    });
    expect(asked).toEqual([]);
  });

  it('takes what DNS says', async () => {
    const { asked, askSystem } = stagedSystem();
    await withNameServer(KNOWN, async (server) => {
      const names = new NameLookup({ servers: [server], askSystem });
      expect(await names.find('receiver.example')).toEqual([{ address: '192.0.2.7', family: 4 }]);
      await expect(names.find('receiver.example', 6)).rejects.toMatchObject({ code: 'ENOTFOUND' });
    });
    expect(asked).toEqual([]);
  });

  it('holds half of the threads at most for names that only the system knows', async () => {
    const { asked, answers, askSystem } = stagedSystem();
    await withNameServer(UNKNOWN, async (server) => {
      const names = new NameLookup({ servers: [server], askSystem });
      const found = ['a', 'b', 'c', 'd'].map((host) => names.find(host));
      while (asked.length < 2) await turn();
      for (let turns = 0; turns < 50; turns += 1) await turn();
      expect(asked).toHaveLength(2);
      for (let next = 0; next < 4; next += 1) {
        while (answers[next] === undefined) await turn();
        answers[next]?.();
      }
      expect(await Promise.all(found)).toHaveLength(4);
    });
  });

  it('believes the hosts file first, and as it is now', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'crucible-hosts-'));
    const hostsFile = join(directory, 'hosts');
    const names = new NameLookup({ hostsFile, servers: ['127.0.0.1:9'], timeoutMs: 20 });
    writeFileSync(hostsFile, '# 192.0.2.1 inner\n192.0.2.2\tInner.example inner # by hand\n::1 inner\n');
    expect(await names.find('inner')).toEqual([
      { address: '192.0.2.2', family: 4 },
      { address: '::1', family: 6 },
    ]);
    expect(await names.find('INNER.example', 4)).toEqual([{ address: '192.0.2.2', family: 4 }]);
    rmSync(directory, { recursive: true });
  });
});
