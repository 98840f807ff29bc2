import { Global, Module } from '@nestjs/common';
import { Config } from '../config/config.js';
import { ProblemError } from '../http/problem.error.js';
import { Parking } from '../runtime/parking.js';

/** The parking for `MAX_PARKED_POLLS` requests of all kinds. */
export function openParking({ MAX_PARKED_POLLS: limit }: Pick<Config, 'MAX_PARKED_POLLS'>): Parking {
  return new Parking(
    limit,
    () =>
      new ProblemError(
        'too_many_waiters',
        `${limit} requests are already parked; repeat this one without wait, or later`,
      ),
  );
}

/** One parking for all modules. Needs `Config` from a global module. */
@Global()
@Module({
  providers: [{ provide: Parking, inject: [Config], useFactory: openParking }],
  exports: [Parking],
})
export class ParkingModule {}
