import { Module, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Config } from '../config/config.js';
import { observeRequests } from '../http/request-observers.js';
import { TaskStore } from '../storage/task-store.js';
import { RequestLog } from './request-log.js';
import { TransitionLog } from './transition-log.js';

/** Logs requests and transitions. Disabled levels cost nothing. */
@Module({ providers: [RequestLog, TransitionLog] })
export class LoggingModule implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost,
    private readonly config: Config,
    private readonly store: TaskStore,
    private readonly requests: RequestLog,
    private readonly transitions: TransitionLog,
  ) {}

  onModuleInit(): void {
    const { LOG_LEVEL } = this.config;
    if (LOG_LEVEL !== 'error') {
      observeRequests(this.host, (served) => {
        this.requests.record(served);
      });
    }
    if (LOG_LEVEL === 'debug') {
      this.store.onCommit((committed) => {
        this.transitions.record(committed);
      });
    }
  }
}
