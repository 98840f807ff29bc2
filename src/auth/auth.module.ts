import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Config } from '../config/config.js';
import { ApiKeys } from './api-keys.js';
import { AuthGuard } from './auth.guard.js';
import { Authenticator } from './authenticator.js';
import { LeaseIds } from './lease-ids.js';

/** Puts the guard before every route. Needs `Config`, `Clock` and the stores from global modules. */
@Module({
  providers: [
    { provide: ApiKeys, inject: [Config], useFactory: (config: Config) => ApiKeys.open(config) },
    LeaseIds,
    Authenticator,
    AuthGuard,
    { provide: APP_GUARD, useExisting: AuthGuard },
  ],
  exports: [ApiKeys, Authenticator, LeaseIds],
})
export class AuthModule {}
