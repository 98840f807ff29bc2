import { Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { TaskStore } from '../storage/task-store.js';
import { activeTracing } from './active-tracing.js';

/** Traces transitions if tracing was started before the service; otherwise it does nothing. */
@Module({})
export class TracingModule implements OnModuleInit, OnApplicationShutdown {
  constructor(private readonly store: TaskStore) {}

  onModuleInit(): void {
    const tracing = activeTracing();
    if (tracing === undefined) return;
    this.store.onCommit((transitions) => {
      tracing.record(transitions);
    });
  }

  /** Sends the remaining spans before the process exits. */
  async onApplicationShutdown(): Promise<void> {
    await activeTracing()?.stop();
  }
}
