import type { Command } from 'commander';
import type { EnqueueOptions } from '../commands/enqueue.js';
import type { GetOptions, ListOptions, OutputOptions } from '../commands/read.js';
import type { StatsOptions } from '../commands/stats.js';
import type { TailOptions } from '../commands/tail.js';
import { addAddress, addExamples, addFormat, run } from '../declaration.js';
import { integer, list, natural, pairs, period, seconds } from '../parsers.js';

export function addTasks(program: Command): void {
  program.commandsGroup('Tasks:');
  addEnqueue(program);
  addReaders(program);
  addWatchers(program);
}

function addEnqueue(program: Command): void {
  const command = program
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
        (await import('../commands/enqueue.js')).enqueue(file, options, context),
      ),
    );
  addFormat(addAddress(command));
  addExamples(
    command,
    '$0 enqueue eval.py --id eval-1 --timeout 30 --wait 60   # prints the output',
    "echo 'print(1)' | $0 enqueue - --queue gpu --priority 5 --requires gpu=a100",
    '$0 enqueue tasks.ndjson --ndjson --batch-id night-1     # one task per line:',
    `printf '%s\\n' '{"eval_id":"a","code":"1"}' '{"eval_id":"b","code":"2"}' | $0 enqueue - --ndjson`,
  );
}

function addReaders(program: Command): void {
  const get = program
    .command('get <id>')
    .description('show a task')
    .option('--attempts', 'show its ended attempts')
    .option('--wait [seconds]', 'wait for its end and print its output', seconds)
    .action(
      run(async (context, id: string, options: GetOptions) =>
        (await import('../commands/read.js')).get(id, options, context),
      ),
    );
  addFormat(addAddress(get));
  addExamples(get, '$0 get eval-1', '$0 get eval-1 --attempts', '$0 get eval-1 --wait 60');

  const all = addFilters(program.command('list').description('list tasks, newest first'))
    .option('--status <states>', 'only these states, separated by commas', list)
    .action(
      run(async (context, options: ListOptions) =>
        (await import('../commands/read.js')).list(options, context),
      ),
    );
  addFormat(addAddress(all));
  addExamples(
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
  addFormat(addAddress(dead));
  addExamples(dead, '$0 deadletters --queue gpu', '$0 deadletters --cause oom -o json');

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
  addFormat(addAddress(output));
  addExamples(output, '$0 output eval-1', '$0 output eval-1 --raw', '$0 output eval-1 --field stdout');
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
  addFormat(addAddress(tail));
  addExamples(tail, '$0 tail', '$0 tail --type failed,lost --queue gpu', '$0 tail --id eval-1,eval-2');

  const stats = program
    .command('stats')
    .description('count tasks by queue and state')
    .option('--watch [seconds]', 'repeat every this many seconds (default: 2)', period)
    .action(
      run(async (context, options: StatsOptions) =>
        (await import('../commands/stats.js')).stats(options, context),
      ),
    );
  addFormat(addAddress(stats));
  addExamples(stats, '$0 stats', '$0 stats --watch', '$0 stats --watch 10 -o ndjson >> counts.ndjson');
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
