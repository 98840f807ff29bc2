import { Controller, Get } from '@nestjs/common';
import { Roles } from 'crucible-queue/extension';
import { RunTimes } from './run-times.js';

@Controller('run-times')
export class RunTimesController {
  constructor(private readonly runTimes: RunTimes) {}

  // Without @Roles only admins can call a route.
  @Get()
  @Roles('viewer')
  read(): Record<string, { tasks: number; mean_seconds: number }> {
    return this.runTimes.means();
  }
}
