import { Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { TaskStore } from '../storage/task-store.js';
import { activeTracing } from './active-tracing.js';

/** Traces transitions where tracing was started before the service, and is nothing where it was not. */
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

  /** The process ends right after. */
  async onApplicationShutdown(): Promise<void> {
    await activeTracing()?.stop();
  }
}
