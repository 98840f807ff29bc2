import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import type { EnqueueOptions } from './commands/enqueue.js';
import type { GetOptions, ListOptions, OutputOptions } from './commands/read.js';
import type { StatsOptions } from './commands/stats.js';
import type { CancelOptions, RedriveOptions, SureOptions } from './commands/steer.js';
import type { TailOptions } from './commands/tail.js';
import type { WorkOptions } from './commands/work.js';
import { Context, type GlobalOptions } from './context.js';
import { FORMATS } from './printer.js';

/**
 * The commands and their options. What a command does is loaded when it is called, so that none waits for the code of
 * another, and only `serve` for that of the service.
 */
export function createProgram(version: string): Command {
  const program = new Command('crucible-queue')
    .description('Client, worker and tools for the Crucible task queue')
    .version(version)
    .enablePositionalOptions()
    .addHelpText('after', '\nThe API key is read from QUEUE_API_KEY. Exit codes and examples: docs/cli.md.');
  addTasks(program);
  addWork(program);
  addSteering(program);
  for (const command of program.commands) addFormat(addAddress(command));
  addService(program);
  return program;
}

/** Behind the name of the command, where people put them. Those of `work` end where the command to run begins. */
function addAddress(command: Command): Command {
  return command.option('--url <url>', 'where the service is (QUEUE_URL; http://127.0.0.1:8081)');
}

function addFormat(command: Command): Command {
  return command.addOption(new Option('-o, --format <format>', 'how data is printed').choices(FORMATS));
}

function addTasks(program: Command): void {
  program
    .command('enqueue <file>')
    .description('enqueue a file (- for the standard input) as the code of a task, or a task a line')
    .option('--id <id>', 'the name of the task')
    .option('--queue <queue>', 'the queue it waits in')
    .option('--priority <number>', 'higher goes first', integer)
    .option('--delay <seconds>', 'not before', seconds)
    .option('--timeout <seconds>', 'how long an attempt may run', seconds)
    .option('--language <language>', 'the language of the code')
    .option('--engine <engine>', 'what runs the code')
    .option('--max-attempts <number>', 'failures before it is a dead letter', integer)
    .option('--group <group>', 'whose it is: groups of a queue take turns')
    .option('--requires <labels>', 'what a worker must offer: name=value, separated by commas', pairs)
    .option('--metadata <json>', 'an object for the worker')
    .option('--batch-id <id>', 'what it belongs to')
    .option('--ndjson', 'the file has a task as JSON on each line')
    .option('--wait [seconds]', 'wait for the end, and print the output', seconds)
    .action(
      run(async (context, file: string, options: EnqueueOptions) =>
        (await import('./commands/enqueue.js')).enqueue(file, options, context),
      ),
    );
  program
    .command('get <id>')
    .description('look at a task')
    .option('--attempts', 'its attempts that have ended')
    .option('--wait [seconds]', 'wait for its end, and print its output', seconds)
    .action(
      run(async (context, id: string, options: GetOptions) =>
        (await import('./commands/read.js')).get(id, options, context),
      ),
    );
  addFilters(program.command('list').description('list tasks, newest first'))
    .option('--status <states>', 'in these states, separated by commas', list)
    .action(
      run(async (context, options: ListOptions) =>
        (await import('./commands/read.js')).list(options, context),
      ),
    );
  addFilters(program.command('deadletters').description('list tasks that failed or expired')).action(
    run(async (context, options: ListOptions) =>
      (await import('./commands/read.js')).list({ ...options, status: ['failed', 'expired'] }, context),
    ),
  );
  program
    .command('output <id>')
    .description('print what a task produced, as JSON')
    .option('-r, --raw', 'a string without its quotes')
    .option('--field <name>', 'one field of it; a string without its quotes')
    .action(
      run(async (context, id: string, options: OutputOptions) =>
        (await import('./commands/read.js')).output(id, options, context),
      ),
    );
  program
    .command('tail')
    .description('follow the transitions of tasks as they happen')
    .option('--queue <queues>', 'of these queues, separated by commas', list)
    .option('--type <types>', 'only these, separated by commas: queued, processing, completed, …', list)
    .option('--id <ids>', 'of these tasks, separated by commas', list)
    .action(
      run(async (context, options: TailOptions) =>
        (await import('./commands/tail.js')).tail(options, context),
      ),
    );
  program
    .command('stats')
    .description('count tasks by queue and state')
    .option('--watch [seconds]', 'again and again', seconds)
    .action(
      run(async (context, options: StatsOptions) =>
        (await import('./commands/stats.js')).stats(options, context),
      ),
    );
}

function addFilters(command: Command): Command {
  return command
    .option('--queue <queues>', 'of these queues, separated by commas', list)
    .option('--batch <id>', 'of this batch')
    .option('--group <group>', 'of this group')
    .option('--worker <id>', 'that this worker holds or ended')
    .option('--limit <number>', 'so many at most', integer);
}

function addWork(program: Command): void {
  program
    .command('work <command...>')
    .description('run a command for each task: code on its standard input, its standard output is the output')
    .usage('[options] -- COMMAND [ARGUMENT…]')
    .passThroughOptions()
    .option('-j, --jobs <number>', 'tasks at a time, from 1', positive)
    .option('--queue <queues>', 'take from these, separated by commas, looked at in this order', list)
    .addOption(
      new Option('--weights <queues>', 'or from these, by weight: name=number, separated by commas')
        .argParser(weights)
        .conflicts('queue'),
    )
    .option(
      '--labels <labels>',
      'what it offers to tasks that require it: name=value, separated by commas',
      pairs,
    )
    .option('--worker-id <id>', 'the name of this worker')
    .option('--lease <seconds>', 'hold a task for this long without a heartbeat (30)', seconds)
    .option('--user <user>', 'run the command as this user: a name, uid or uid:gid; takes root')
    .option('--once', 'end after one task')
    .option('--until-empty', 'end when nothing is ready')
    .option('--json', 'the standard output is JSON')
    .option('-q, --quiet', 'say only what went wrong')
    .action(
      run(async (context, command: string[], options: WorkOptions) =>
        (await import('./commands/work.js')).work(command, options, context),
      ),
    );
}

function addSteering(program: Command): void {
  program
    .command('cancel <ids...>')
    .description('stop tasks, whoever holds them')
    .option('--reason <text>', 'why')
    .action(
      run(async (context, ids: string[], options: CancelOptions) =>
        (await import('./commands/steer.js')).cancel(ids, options, context),
      ),
    );
  program
    .command('redrive [ids...]')
    .description('give dead letters back to their queues')
    .addOption(new Option('--status <status>', 'all of a kind').choices(['failed', 'expired', 'cancelled']))
    .option('--queue <queue>', 'of this queue')
    .option('--group <group>', 'of this group')
    .option('--limit <number>', 'so many at most, the newest first', integer)
    .option('--yes', 'do not ask first')
    .action(
      run(async (context, ids: string[], options: RedriveOptions) =>
        (await import('./commands/steer.js')).redrive(ids, options, context),
      ),
    );
  program
    .command('pause <queue>')
    .description('hand out no more tasks of a queue')
    .option('--yes', 'do not ask first')
    .action(
      run(async (context, queue: string, options: SureOptions) =>
        (await import('./commands/steer.js')).pauseQueue(queue, options, context),
      ),
    );
  program
    .command('resume <queue>')
    .description('hand out its tasks again')
    .action(
      run(async (context, queue: string) =>
        (await import('./commands/steer.js')).resumeQueue(queue, context),
      ),
    );
  program
    .command('drain <worker>')
    .description('have a worker finish what it holds and take nothing more')
    .action(
      run(async (context, worker: string) => (await import('./commands/steer.js')).drain(worker, context)),
    );
  program
    .command('workers')
    .description('list the workers that came by lately')
    .action(run(async (context) => (await import('./commands/collections.js')).workers(context)));
  program
    .command('schedules')
    .description('list what comes by the clock')
    .action(run(async (context) => (await import('./commands/collections.js')).schedules(context)));
}

function addService(program: Command): void {
  program
    .command('serve')
    .description('run the service; its settings are environment variables')
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
    .description('look for damage in a backup, or in DATA_DIR while the service is stopped')
    .action(
      run(async (context, directory: string | undefined) =>
        (await import('./commands/store.js')).check(directory, context),
      ),
    );
  addFormat(program.command('restore <directory>'))
    .description('put a backup into DATA_DIR, which must be empty, while the service is stopped')
    .action(
      run(async (context, directory: string) =>
        (await import('./commands/store.js')).restore(directory, context),
      ),
    );
  program
    .command('completion')
    .description('print a script that completes commands and options')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: string) => {
      const { completion } = await import('./commands/completion.js');
      process.stdout.write(completion(shell, program));
    });
}

/** An action of commander: the arguments, the options and the command come in this order. */
function run(action: (context: Context, ...given: never[]) => Promise<void>) {
  return async (...given: unknown[]): Promise<void> => {
    const command = given.at(-1) as Command;
    const context = new Context(command.opts<GlobalOptions>());
    await action(context, ...(given as never[]));
  };
}

function integer(text: string): number {
  if (!/^-?\d+$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

function positive(text: string): number {
  const value = integer(text);
  if (value < 1) throw new InvalidArgumentError('It must be 1 or more.');
  return value;
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0)) throw new InvalidArgumentError('It must be a number of seconds.');
  return value;
}

function pairs(text: string): Record<string, string> {
  const entries = list(text).map((pair) => {
    const at = pair.indexOf('=');
    if (at < 1) throw new InvalidArgumentError('It must be name=value, separated by commas.');
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
