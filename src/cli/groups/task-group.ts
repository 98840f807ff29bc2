import { type Command, Option } from 'commander';
import type { ArtifactsOptions } from '../commands/artifacts.js';
import type { EnqueueOptions } from '../commands/enqueue.js';
import type { LogsOptions } from '../commands/logs.js';
import type { GetOptions, ListOptions, OutputOptions } from '../commands/read.js';
import type { CancelOptions, ClearOptions, RedriveOptions } from '../commands/steer.js';
import type { StatsOptions } from '../commands/stats.js';
import type { TailOptions } from '../commands/tail.js';
import type { SureOptions } from '../plan.js';
import { addSureness, addUsage, run } from '../declaration.js';
import { integer, list, natural, period, positive, seconds } from '../parsers.js';
import { addTaskOptions } from './task-options.js';

export function addTasks(program: Command): void {
  program.commandsGroup('Tasks:');
  addEnqueue(program);
  addGet(program);
  addLists(program);
  addOutput(program);
  addArtifacts(program);
  addLogs(program);
  addCancel(program);
  addRedrive(program);
  addPrioritize(program);
  addRemovals(program);
  addWatchers(program);
}

function addEnqueue(program: Command): void {
  const command = addTaskOptions(
    program
      .command('enqueue <file>')
      .description('enqueue a file (- for standard input) as the code of a task, or one task per line')
      .option('--id <id>', 'the id of the task'),
  )
    .option('--run-at <time>', 'earliest start, such as 2030-01-31T03:00:00Z')
    .option('--expires-at <time>', 'latest start')
    .option('--deadline-at <time>', 'when all attempts must be over')
    .option('--batch <id>', 'the batch of the task')
    .addOption(new Option('--batch-id <id>').hideHelp().conflicts('batch'))
    .option('--batch-callback-url <url>', 'URL that gets a webhook when the batch is done; with --ndjson')
    .option('--max-failures <number>', 'failed tasks that the batch tolerates; with --ndjson', natural)
    .option('--ndjson', 'read one task per line, as JSON')
    .option('--wait [seconds]', 'wait until the task has ended and print its output', seconds)
    .action(
      run(async (context, file: string, options: EnqueueOptions) =>
        (await import('../commands/enqueue.js')).enqueue(file, options, context),
      ),
    );
  addUsage(
    command,
    '$0 enqueue eval.py --id eval-1 --timeout 30 --wait 60   # prints the output',
    "echo 'print(1)' | $0 enqueue - --queue gpu --priority 5 --requires gpu=a100",
    '$0 enqueue eval.py --run-at 2030-01-31T03:00:00Z --max-attempts 3 --backoff exponential:10:600',
    '$0 enqueue tasks.ndjson --ndjson --batch night-1     # one task per line:',
    `printf '%s\\n' '{"eval_id":"a","code":"1"}' '{"eval_id":"b","code":"2"}' | $0 enqueue - --ndjson`,
  );
}

function addGet(program: Command): void {
  const get = program
    .command('get <id>')
    .description('show a task')
    .option('--attempts', 'show the ended attempts')
    .option('--wait [seconds]', 'wait until the task has ended and print its output', seconds)
    .action(
      run(async (context, id: string, options: GetOptions) =>
        (await import('../commands/read.js')).get(id, options, context),
      ),
    );
  addUsage(get, '$0 get eval-1', '$0 get eval-1 --attempts', '$0 get eval-1 --wait 60');
}

function addLists(program: Command): void {
  const all = addFilters(program.command('list').description('list tasks, newest first'))
    .option('--status <states>', 'only these states, separated by commas', list)
    .action(
      run(async (context, options: ListOptions) =>
        (await import('../commands/read.js')).list(options, context),
      ),
    );
  addUsage(
    all,
    '$0 list --status queued,processing --queue gpu --limit 20',
    '$0 list --worker host-1-4711 --status processing',
    '$0 list --batch night-1 -o ndjson',
  );

  const dead = addFilters(program.command('deadletters').description('list failed and expired tasks')).action(
    run(async (context, options: ListOptions) =>
      (await import('../commands/read.js')).list({ ...options, status: ['failed', 'expired'] }, context),
    ),
  );
  addUsage(dead, '$0 deadletters --queue gpu', '$0 deadletters --cause oom -o json');

  const attempts = program
    .command('attempts <id>')
    .description('list the ended attempts of a task, oldest first')
    .action(
      run(async (context, id: string) =>
        (await import('../commands/read.js')).get(id, { attempts: true }, context),
      ),
    );
  addUsage(attempts, '$0 attempts eval-1', '$0 attempts eval-1 -o json');
}

function addOutput(program: Command): void {
  const output = program
    .command('output <id>')
    .description('print the output of a task as JSON')
    .option('-r, --raw', 'print a string without quotes')
    .option('--field <name>', 'print one field; a string without quotes')
    .action(
      run(async (context, id: string, options: OutputOptions) =>
        (await import('../commands/read.js')).output(id, options, context),
      ),
    );
  addUsage(output, '$0 output eval-1', '$0 output eval-1 --raw', '$0 output eval-1 --field stdout');
}

function addArtifacts(program: Command): void {
  const artifacts = program
    .command('artifacts <id>')
    .description('list the artifacts of a task, or download them')
    .option('--download <directory>', 'save the artifacts in this directory, and overwrite no file')
    .action(
      run(async (context, id: string, options: ArtifactsOptions) =>
        (await import('../commands/artifacts.js')).artifacts(id, options, context),
      ),
    );
  addUsage(artifacts, '$0 artifacts eval-1', '$0 artifacts eval-1 --download ./eval-1');
}

function addCancel(program: Command): void {
  const cancel = addSureness(
    program
      .command('cancel [ids...]')
      .description('cancel tasks, including held ones, or a whole batch')
      .option('--reason <text>', 'the reason')
      .option('--batch <id>', 'all tasks of this batch that have not ended')
      .option('--cause <name>', 'only those whose latest attempt ended with this cause'),
  ).action(
    run(async (context, ids: string[], options: CancelOptions) =>
      (await import('../commands/steer.js')).cancel(ids, options, context),
    ),
  );
  addUsage(
    cancel,
    "$0 cancel eval-3 --reason 'not needed'",
    '$0 cancel --batch night-1 --dry-run',
    '$0 cancel --batch night-1 --yes',
  );
}

function addRedrive(program: Command): void {
  const redrive = addSureness(
    program
      .command('redrive [ids...]')
      .description('queue dead letters again')
      .addOption(
        new Option('--status <status>', 'all tasks of this status').choices([
          'failed',
          'expired',
          'cancelled',
        ]),
      )
      .option('--queue <queue>', 'only this queue')
      .option('--group <group>', 'only this group')
      .option('--cause <name>', 'only tasks whose latest attempt ended with this cause')
      .option('--limit <number>', 'at most this many, newest first (default: 1000)', positive)
      .option('--reset', 'drop the checkpoints, so that the tasks start from the beginning'),
  ).action(
    run(async (context, ids: string[], options: RedriveOptions) =>
      (await import('../commands/steer.js')).redrive(ids, options, context),
    ),
  );
  addUsage(
    redrive,
    '$0 redrive eval-1 eval-2',
    '$0 redrive eval-1 --reset                              # without its checkpoint',
    '$0 redrive --status failed --cause oom --dry-run',
    '$0 redrive --status failed --queue gpu --limit 100 --yes',
  );
}

function addPrioritize(program: Command): void {
  const prioritize = program
    .command('prioritize')
    .argument('<priority>', 'the new priority: higher ones go first', integer)
    .argument('<ids...>')
    .description('change the priority of waiting tasks')
    .option('--dry-run', 'show their states, and change nothing')
    .action(
      run(async (context, priority: number, ids: string[], options: SureOptions) =>
        (await import('../commands/steer.js')).prioritize(priority, ids, options, context),
      ),
    );
  addUsage(prioritize, '$0 prioritize 9 eval-1 eval-2', '$0 prioritize -- -5 eval-3');
}

function addRemovals(program: Command): void {
  const remove = program
    .command('delete <ids...>')
    .description('delete ended tasks, with their attempts and output')
    .option('--dry-run', 'show their states, and change nothing')
    .action(
      run(async (context, ids: string[], options: SureOptions) =>
        (await import('../commands/steer.js')).remove(ids, options, context),
      ),
    );
  addUsage(remove, '$0 delete eval-1', '$0 delete eval-1 eval-2 --dry-run');

  const clear = addSureness(
    program
      .command('clear')
      .description('remove all tasks that match, including held ones; this cannot be undone')
      .option('--queue <queues>', 'only these queues, separated by commas', list)
      .option('--status <states>', 'only these states, separated by commas', list)
      .option('--cause <name>', 'only ended tasks whose latest attempt ended with this cause')
      .option('--all', 'every task of every queue'),
  ).action(
    run(async (context, options: ClearOptions) =>
      (await import('../commands/steer.js')).clear(options, context),
    ),
  );
  addUsage(
    clear,
    '$0 clear --queue gpu --status completed --dry-run',
    '$0 clear --status failed --cause oom --yes',
    '$0 clear --all',
  );
}

function addLogs(program: Command): void {
  const command = program
    .command('logs <id>')
    .description('print the log of a task')
    .option('-f, --follow', 'follow all attempts until the task has ended')
    .option('--attempt <number>', 'the log of this attempt (default: the latest)', natural)
    .action(
      run(async (context, id: string, options: LogsOptions) =>
        (await import('../commands/logs.js')).logs(id, options, context),
      ),
    );
  addUsage(command, '$0 logs eval-1', '$0 logs -f eval-1', '$0 logs eval-1 --attempt 2 > eval-1.log');
}

function addWatchers(program: Command): void {
  const tail = program
    .command('tail')
    .description('stream the transitions of tasks')
    .option('--queue <queues>', 'only these queues, separated by commas', list)
    .option('--type <types>', 'only these types, separated by commas: queued, processing, completed, …', list)
    .option('--id <ids>', 'only these tasks, separated by commas', list)
    .action(
      run(async (context, options: TailOptions) =>
        (await import('../commands/tail.js')).tail(options, context),
      ),
    );
  addUsage(tail, '$0 tail', '$0 tail --type failed,lost --queue gpu', '$0 tail --id eval-1,eval-2');

  const stats = program
    .command('stats')
    .description('count tasks by queue and state')
    .option('--watch [seconds]', 'repeat at this interval in seconds (default: 2)', period)
    .action(
      run(async (context, options: StatsOptions) =>
        (await import('../commands/stats.js')).stats(options, context),
      ),
    );
  addUsage(stats, '$0 stats', '$0 stats --watch', '$0 stats --watch 10 -o ndjson >> counts.ndjson');
}

function addFilters(command: Command): Command {
  return command
    .option('--queue <queues>', 'only these queues, separated by commas', list)
    .option('--batch <id>', 'only this batch')
    .option('--group <group>', 'only this group')
    .option('--worker <id>', 'only tasks that this worker holds or ended')
    .option('--cause <name>', 'only tasks whose latest attempt ended with this cause')
    .option('--limit <number>', 'at most this many', natural);
}
