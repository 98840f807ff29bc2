import { Module } from '@nestjs/common';
import { RunTimesController } from './run-times.controller.js';
import { RunTimes } from './run-times.js';

/** Mean run times of tasks by language. `EXTENSIONS` loads the default export. */
@Module({
  controllers: [RunTimesController],
  providers: [RunTimes],
})
export default class RunTimesModule {}
