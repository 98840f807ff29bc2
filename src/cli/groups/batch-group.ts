import { type Command, Option } from 'commander';
import type {
  CancelBatchOptions,
  LimitOptions,
  RedriveBatchOptions,
  ShowBatchOptions,
} from '../commands/batches.js';
import { addSureness, addUsage, run } from '../declaration.js';
import { natural, seconds } from '../parsers.js';

const CAUSE = ['--cause <name>', 'only tasks whose latest attempt ended with this cause'] as const;

export function addBatches(program: Command): void {
  program.commandsGroup('Batches, schedules and webhooks:');
  const batches = program.command('batches').description('list, await, cancel and redrive batches');
  addUsage(batches, '$0 batches', '$0 batches show night-1 --wait', '$0 batches cancel night-1');
  const all = batches
    .command('list', { isDefault: true })
    .description('list batches, newest first')
    .option('--limit <number>', 'at most this many', natural)
    .action(
      run(async (context, options: LimitOptions) =>
        (await import('../commands/batches.js')).listBatches(options, context),
      ),
    );
  addUsage(all, '$0 batches', '$0 batches list --limit 20');
  const show = batches
    .command('show <id>')
    .description('count the tasks of a batch by state')
    .option('--wait [seconds]', 'wait until all have ended; exit code 1 if one did not complete', seconds)
    .action(
      run(async (context, id: string, options: ShowBatchOptions) =>
        (await import('../commands/batches.js')).showBatch(id, options, context),
      ),
    );
  addUsage(show, '$0 batches show night-1', '$0 batches show night-1 --wait 600');
  const cancel = addSureness(
    batches
      .command('cancel <id>')
      .description('cancel the tasks of a batch that have not ended')
      .option('--reason <text>', 'the reason')
      .option(...CAUSE),
  ).action(
    run(async (context, id: string, options: CancelBatchOptions) =>
      (await import('../commands/batches.js')).cancelBatch(id, options, context),
    ),
  );
  addUsage(cancel, '$0 batches cancel night-1 --dry-run', '$0 batches cancel night-1 --yes');
  const redrive = addSureness(
    batches
      .command('redrive <id>')
      .description('queue the dead letters of a batch again')
      .addOption(
        new Option(
          '--outcome <outcome>',
          'only tasks without attempts (failed) or interruptions (lost) left',
        ).choices(['failed', 'lost']),
      )
      .option(...CAUSE)
      .option('--reset', 'drop the checkpoints, so that the tasks start from the beginning'),
  ).action(
    run(async (context, id: string, options: RedriveBatchOptions) =>
      (await import('../commands/batches.js')).redriveBatch(id, options, context),
    ),
  );
  addUsage(redrive, '$0 batches redrive night-1', '$0 batches redrive night-1 --outcome lost --yes');
}
