/** A rival behind the bare server, as a process of its own: `RIVAL` names it, `RIVAL_PORT` is the one of its server. */
import type { Rival } from './rival.js';
import { createRivalServer } from './rival.server.js';

const { RIVAL, RIVAL_PORT, PG_BOSS = '' } = process.env;

createRivalServer(await open(Number(RIVAL_PORT))).listen(Number(process.env.PORT), '127.0.0.1');
process.once('SIGTERM', () => process.exit());

async function open(port: number): Promise<Rival> {
  if (RIVAL === 'BullMQ') return (await import('./bull.rival.js')).openBull(port);
  if (RIVAL === 'beanstalkd') return (await import('./beanstalk.rival.js')).BeanstalkRival.open(port);
  return (await import('./boss.rival.js')).openBoss(port, PG_BOSS);
}
