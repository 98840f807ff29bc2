import { Module } from '@nestjs/common';
import { RunTimesController } from './run-times.controller.js';
import { RunTimes } from './run-times.js';

/** How long tasks run, by language. The default export is what `EXTENSIONS` looks for. */
@Module({
  controllers: [RunTimesController],
  providers: [RunTimes],
})
export default class RunTimesModule {}
