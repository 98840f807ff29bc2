import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import type { EnqueueOptions } from './commands/enqueue.js';
import type { GetOptions, ListOptions, OutputOptions } from './commands/read.js';
import type { StatsOptions } from './commands/stats.js';
import type { CancelOptions, RedriveOptions, SureOptions } from './commands/steer.js';
import type { TailOptions } from './commands/tail.js';
import type { WorkOptions } from './commands/work.js';
import { Context, type GlobalOptions } from './context.js';
import { explained } from './exit-code.js';
import { FORMATS } from './printer.js';

/** The commands and their options. The code of a command is loaded when it runs, so only `serve` loads the service. */
export function createProgram(version: string): Command {
  const program = new Command('crucible-queue')
    .description('Client, worker and tools for the Crucible task queue')
    .version(version)
    .enablePositionalOptions()
    .addHelpText('after', '\nSet QUEUE_API_KEY to your API key. Exit codes and examples: docs/cli.md.');
  addTasks(program);
  addWork(program);
  addSteering(program);
  for (const command of program.commands) addFormat(addAddress(command));
  addService(program);
  return program;
}

/**
 * Accepts the option after the command's name, where people write it. Options of `work` end where the program to run
 * begins.
 */
function addAddress(command: Command): Command {
  return command.option('--url <url>', 'URL of the service (default: QUEUE_URL, or http://127.0.0.1:8081)');
}

function addFormat(command: Command): Command {
  return command.addOption(new Option('-o, --format <format>', 'output format').choices(FORMATS));
}

function addTasks(program: Command): void {
  program
    .command('enqueue <file>')
    .description('enqueue a file (- for standard input) as the code of a task, or one task per line')
    .option('--id <id>', 'the id of the task')
    .option('--queue <queue>', 'the queue of the task')
    .option('--priority <number>', 'higher priorities go first', integer)
    .option('--delay <seconds>', 'earliest start, in seconds from now', seconds)
    .option('--timeout <seconds>', 'seconds that one attempt can run', seconds)
    .option('--language <language>', 'the language of the code')
    .option('--engine <engine>', 'the engine that runs the code')
    .option('--max-attempts <number>', 'failures until the task is a dead letter', integer)
    .option('--group <group>', 'the owner of the task; groups take turns within a queue')
    .option('--requires <labels>', 'labels that a worker must offer: name=value, separated by commas', pairs)
    .option('--metadata <json>', 'a JSON object for the worker')
    .option('--batch-id <id>', 'the batch of the task')
    .option('--ndjson', 'read one task per line, as JSON')
    .option('--wait [seconds]', 'wait for the end and print the output', seconds)
    .action(
      run(async (context, file: string, options: EnqueueOptions) =>
        (await import('./commands/enqueue.js')).enqueue(file, options, context),
      ),
    );
  program
    .command('get <id>')
    .description('show a task')
    .option('--attempts', 'show its ended attempts')
    .option('--wait [seconds]', 'wait for its end and print its output', seconds)
    .action(
      run(async (context, id: string, options: GetOptions) =>
        (await import('./commands/read.js')).get(id, options, context),
      ),
    );
  addFilters(program.command('list').description('list tasks, newest first'))
    .option('--status <states>', 'only these states, separated by commas', list)
    .action(
      run(async (context, options: ListOptions) =>
        (await import('./commands/read.js')).list(options, context),
      ),
    );
  addFilters(program.command('deadletters').description('list failed and expired tasks')).action(
    run(async (context, options: ListOptions) =>
      (await import('./commands/read.js')).list({ ...options, status: ['failed', 'expired'] }, context),
    ),
  );
  program
    .command('output <id>')
    .description('print the output of a task as JSON')
    .option('-r, --raw', 'print a string without quotes')
    .option('--field <name>', 'print one field; a string without quotes')
    .action(
      run(async (context, id: string, options: OutputOptions) =>
        (await import('./commands/read.js')).output(id, options, context),
      ),
    );
  program
    .command('tail')
    .description('stream the transitions of tasks')
    .option('--queue <queues>', 'only these queues, separated by commas', list)
    .option('--type <types>', 'only these types, separated by commas: queued, processing, completed, …', list)
    .option('--id <ids>', 'only these tasks, separated by commas', list)
    .action(
      run(async (context, options: TailOptions) =>
        (await import('./commands/tail.js')).tail(options, context),
      ),
    );
  program
    .command('stats')
    .description('count tasks by queue and state')
    .option('--watch [seconds]', 'repeat every this many seconds', seconds)
    .action(
      run(async (context, options: StatsOptions) =>
        (await import('./commands/stats.js')).stats(options, context),
      ),
    );
}

function addFilters(command: Command): Command {
  return command
    .option('--queue <queues>', 'only these queues, separated by commas', list)
    .option('--batch <id>', 'only this batch')
    .option('--group <group>', 'only this group')
    .option('--worker <id>', 'only tasks that this worker holds or ended')
    .option('--cause <name>', 'only tasks whose latest attempt ended with this cause')
    .option('--limit <number>', 'at most this many', integer);
}

function addWork(program: Command): void {
  program
    .command('work <command...>')
    .description(
      'run a program for each task, with the code on standard input; its standard output is the output',
    )
    .usage('[options] -- COMMAND [ARGUMENT…]')
    .passThroughOptions()
    .option('-j, --jobs <number>', 'tasks at a time (default: 1)', positive)
    .option('--queue <queues>', 'claim from these queues in this order, separated by commas', list)
    .addOption(
      new Option('--weights <queues>', 'claim from these queues by weight: name=number, separated by commas')
        .argParser(weights)
        .conflicts('queue'),
    )
    .option('--labels <labels>', 'labels that this worker offers: name=value, separated by commas', pairs)
    .option('--worker-id <id>', 'the id of this worker')
    .option('--lease <seconds>', 'length of a lease without a heartbeat (default: 30)', seconds)
    .option('--user <user>', 'run the program as this user: name, uid or uid:gid; needs root')
    .option('--once', 'stop after one task')
    .option('--until-empty', 'stop when no task is ready')
    .option('--json', 'standard output is JSON')
    .option('-q, --quiet', 'print problems only')
    .action(
      run(async (context, command: string[], options: WorkOptions) =>
        (await import('./commands/work.js')).work(command, options, context),
      ),
    );
}

function addSteering(program: Command): void {
  program
    .command('cancel <ids...>')
    .description('cancel tasks, including held ones')
    .option('--reason <text>', 'the reason')
    .action(
      run(async (context, ids: string[], options: CancelOptions) =>
        (await import('./commands/steer.js')).cancel(ids, options, context),
      ),
    );
  program
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
        (await import('./commands/steer.js')).redrive(ids, options, context),
      ),
    );
  program
    .command('pause <queue>')
    .description('pause a queue')
    .option('--yes', 'skip the confirmation')
    .action(
      run(async (context, queue: string, options: SureOptions) =>
        (await import('./commands/steer.js')).pauseQueue(queue, options, context),
      ),
    );
  program
    .command('resume <queue>')
    .description('resume a queue')
    .action(
      run(async (context, queue: string) =>
        (await import('./commands/steer.js')).resumeQueue(queue, context),
      ),
    );
  program
    .command('drain <worker>')
    .description('let a worker finish its tasks and claim no more')
    .action(
      run(async (context, worker: string) => (await import('./commands/steer.js')).drain(worker, context)),
    );
  program
    .command('workers')
    .description('list workers')
    .action(run(async (context) => (await import('./commands/collections.js')).workers(context)));
  program
    .command('schedules')
    .description('list schedules')
    .action(run(async (context) => (await import('./commands/collections.js')).schedules(context)));
}

function addService(program: Command): void {
  program
    .command('serve')
    .description('run the service; environment variables are its settings')
    .action(async () => {
      await import('../main.js');
    });
  addFormat(program.command('backup <directory>'))
    .description('copy the embedded store in DATA_DIR, also while the service runs')
    .action(
      run(async (context, directory: string) =>
        (await import('./commands/store.js')).backup(directory, context),
      ),
    );
  addFormat(program.command('check [directory]'))
    .description('check a backup for damage, or DATA_DIR while the service is stopped')
    .action(
      run(async (context, directory: string | undefined) =>
        (await import('./commands/store.js')).check(directory, context),
      ),
    );
  addFormat(program.command('restore <directory>'))
    .description('restore a backup into an empty DATA_DIR while the service is stopped')
    .action(
      run(async (context, directory: string) =>
        (await import('./commands/store.js')).restore(directory, context),
      ),
    );
  program
    .command('completion')
    .description('print a shell completion script')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: string) => {
      const { completion } = await import('./commands/completion.js');
      process.stdout.write(completion(shell, program));
    });
}

/** Wraps an action for commander, which passes the arguments, the options and the command in this order. */
function run(action: (context: Context, ...given: never[]) => Promise<void>) {
  return async (...given: unknown[]): Promise<void> => {
    const command = given.at(-1) as Command;
    const context = new Context(command.opts<GlobalOptions>());
    await action(context, ...(given as never[])).catch((error: unknown) => {
      throw explained(error, context.url);
    });
  };
}

function integer(text: string): number {
  if (!/^-?\d+$/.test(text)) throw new InvalidArgumentError('Must be a whole number.');
  return Number(text);
}

function positive(text: string): number {
  const value = integer(text);
  if (value < 1) throw new InvalidArgumentError('Must be 1 or more.');
  return value;
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0)) throw new InvalidArgumentError('Must be a number of seconds.');
  return value;
}

function pairs(text: string): Record<string, string> {
  const entries = list(text).map((pair) => {
    const at = pair.indexOf('=');
    if (at < 1) throw new InvalidArgumentError('Must be name=value, separated by commas.');
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
  return Object.fromEntries(entries) as Record<string, string>;
}

function weights(text: string): Record<string, number> {
  return Object.fromEntries(Object.entries(pairs(text)).map(([queue, weight]) => [queue, integer(weight)]));
}

function list(text: string): string[] {
  return text.split(',').filter((each) => each !== '');
}
