import { type Command, Option } from 'commander';
import type { CancelOptions, RedriveOptions, SureOptions } from '../commands/steer.js';
import { addAddress, addExamples, addFormat, run } from '../declaration.js';
import { integer } from '../parsers.js';

export function addSteering(program: Command): void {
  program.commandsGroup('Operation:');
  const cancel = program
    .command('cancel <ids...>')
    .description('cancel tasks, including held ones')
    .option('--reason <text>', 'the reason')
    .action(
      run(async (context, ids: string[], options: CancelOptions) =>
        (await import('../commands/steer.js')).cancel(ids, options, context),
      ),
    );
  addFormat(addAddress(cancel));
  addExamples(cancel, "$0 cancel eval-3 --reason 'not needed'");

  const redrive = program
    .command('redrive [ids...]')
    .description('queue dead letters again')
    .addOption(
      new Option('--status <status>', 'all tasks of this status').choices(['failed', 'expired', 'cancelled']),
    )
    .option('--queue <queue>', 'only this queue')
    .option('--group <group>', 'only this group')
    .option('--cause <name>', 'only tasks whose latest attempt ended with this cause')
    .option('--limit <number>', 'at most this many, newest first', integer)
    .option('--yes', 'skip the confirmation')
    .action(
      run(async (context, ids: string[], options: RedriveOptions) =>
        (await import('../commands/steer.js')).redrive(ids, options, context),
      ),
    );
  addFormat(addAddress(redrive));
  addExamples(
    redrive,
    '$0 redrive eval-1 eval-2',
    '$0 redrive --status failed --queue gpu --limit 100',
    '$0 redrive --status failed --cause oom --yes',
  );

  const pause = program
    .command('pause <queue>')
    .description('pause a queue')
    .option('--yes', 'skip the confirmation')
    .action(
      run(async (context, queue: string, options: SureOptions) =>
        (await import('../commands/steer.js')).pauseQueue(queue, options, context),
      ),
    );
  addFormat(addAddress(pause));
  addExamples(pause, '$0 pause gpu');

  const resume = program
    .command('resume <queue>')
    .description('resume a queue')
    .action(
      run(async (context, queue: string) =>
        (await import('../commands/steer.js')).resumeQueue(queue, context),
      ),
    );
  addFormat(addAddress(resume));
  addExamples(resume, '$0 resume gpu');

  const drain = program
    .command('drain <worker>')
    .description('let a worker finish its tasks and claim no more')
    .action(
      run(async (context, worker: string) => (await import('../commands/steer.js')).drain(worker, context)),
    );
  addFormat(addAddress(drain));
  addExamples(drain, '$0 drain host-1-4711');

  const workers = program
    .command('workers')
    .description('list workers')
    .action(run(async (context) => (await import('../commands/collections.js')).workers(context)));
  addFormat(addAddress(workers));
  addExamples(workers, '$0 workers', '$0 workers -o json');

  const schedules = program
    .command('schedules')
    .description('list schedules')
    .action(run(async (context) => (await import('../commands/collections.js')).schedules(context)));
  addFormat(addAddress(schedules));
  addExamples(schedules, '$0 schedules', '$0 schedules -o json');
}
