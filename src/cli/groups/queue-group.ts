import type { Command } from 'commander';
import type { LimitsOptions } from '../commands/queues.js';
import { addUsage, run } from '../declaration.js';
import { natural, orNone, period, rate, setting } from '../parsers.js';
import type { SureOptions } from '../plan.js';

export function addQueues(program: Command): void {
  program.commandsGroup('Queues:');
  addReads(program);
  addLimits(program);
  addPauses(program);
}

function addReads(program: Command): void {
  const queues = program.command('queues').description('list queues, or show one');
  addUsage(queues, '$0 queues', '$0 queues show gpu');
  const all = queues
    .command('list', { isDefault: true })
    .description('list the queues that have tasks or settings')
    .action(run(async (context) => (await import('../commands/queues.js')).listQueues(context)));
  addUsage(all, '$0 queues', '$0 queues list -o json');
  const show = queues
    .command('show <queue>')
    .description('show the settings and statistics of a queue')
    .action(
      run(async (context, queue: string) =>
        (await import('../commands/queues.js')).limits(queue, {}, context),
      ),
    );
  addUsage(show, '$0 queues show gpu');
}

function addLimits(program: Command): void {
  const limits = program
    .command('limits <queue>')
    .description('show or change the limits of a queue; the value none removes a limit')
    .option('--max-depth <number>', 'most waiting tasks', orNone(natural))
    .option('--max-concurrency <number>', 'most tasks held at the same time', orNone(natural))
    .option(
      '--max-concurrency-per-group <number>',
      'most tasks of one group held at the same time',
      orNone(natural),
    )
    .option(
      '--rate-limit <tasks/time>',
      'most claims per time: 10/s, 100/min, or 5/0.5 for 5 in half a second',
      orNone(rate),
    )
    .option(
      '--priority-ageing <seconds>',
      'seconds of waiting that add one point of priority',
      orNone(period),
    )
    .option('--set <name=json>', 'any setting of the API by its name; can be repeated', setting)
    .action(
      run(async (context, queue: string, options: LimitsOptions) =>
        (await import('../commands/queues.js')).limits(queue, options, context),
      ),
    );
  addUsage(
    limits,
    '$0 limits gpu',
    '$0 limits gpu --max-concurrency 8 --max-concurrency-per-group 2 --rate-limit 100/min',
    '$0 limits gpu --max-depth none --rate-limit none',
    "$0 limits gpu --set 'priority_ageing=60'",
  );
}

function addPauses(program: Command): void {
  const pause = program
    .command('pause <queue>')
    .description('pause a queue')
    .option('--yes', 'skip the confirmation')
    .action(
      run(async (context, queue: string, options: SureOptions) =>
        (await import('../commands/queues.js')).pauseQueue(queue, options, context),
      ),
    );
  addUsage(pause, '$0 pause gpu');

  const resume = program
    .command('resume <queue>')
    .description('resume a queue')
    .action(
      run(async (context, queue: string) =>
        (await import('../commands/queues.js')).resumeQueue(queue, context),
      ),
    );
  addUsage(resume, '$0 resume gpu');
}
