import { FailureLog } from '../../../src/auth/failure-log.js';
import { FakeClock, KeptLog } from './auth.support.js';

describe('FailureLog', () => {
  it('writes a bounded number of lines a minute and then says how many it left out', () => {
    const kept = new KeptLog();
    const clock = new FakeClock();
    const log = new FailureLog(clock);
    for (let line = 1; line <= 1000; line += 1) log.write(`Refused ${line}`);
    expect(kept.lines).toHaveLength(20);
    clock.advance(60_000);
    log.write('Refused again');
    expect(kept.lines.slice(20)).toEqual(['warn: 980 more refusals were not logged', 'warn: Refused again']);
  });
});
