import { Module } from '@nestjs/common';
import { TaskChanger } from './task-changer.js';

/** Task changes for the queue and for batches. Needs `TaskStore` from a global module. */
@Module({ providers: [TaskChanger], exports: [TaskChanger] })
export class TaskChangerModule {}
