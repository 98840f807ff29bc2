import { type Command, Option } from 'commander';
import type { WorkOptions } from '../commands/work.js';
import { addUsage, run } from '../declaration.js';
import { list, pairs, positive, seconds, weights } from '../parsers.js';

export function addWork(program: Command): void {
  program.commandsGroup('Workers:');
  const work = program
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
        (await import('../commands/work.js')).work(command, options, context),
      ),
    );
  addUsage(
    work,
    '$0 work -- python3 -                                  # runs the code of each task',
    '$0 work -j 4 --queue gpu,default -- ./run.sh          # four at a time, queue gpu first',
    '$0 work --weights fast=3,slow=1 --labels gpu=a100 -- ./run.sh',
    '$0 work --until-empty --json -- ./run.sh              # ends when no task is ready',
  );

  const workers = program.command('workers').description('list, drain and resume workers');
  addUsage(workers, '$0 workers', '$0 workers drain host-1-4711');
  const all = workers
    .command('list', { isDefault: true })
    .description('list workers')
    .action(run(async (context) => (await import('../commands/workers.js')).listWorkers(context)));
  addUsage(all, '$0 workers', '$0 workers list -o json');
  for (const [parent, name] of [
    [workers, 'workers drain'],
    [program, 'drain'],
  ] as const) {
    const drain = parent
      .command('drain <worker>')
      .description('let a worker finish its tasks and claim no more')
      .action(
        run(async (context, worker: string) =>
          (await import('../commands/workers.js')).drain(worker, context),
        ),
      );
    addUsage(drain, `$0 ${name} host-1-4711`);
  }
  const resume = workers
    .command('resume <worker>')
    .description('let a drained worker claim again')
    .action(
      run(async (context, worker: string) =>
        (await import('../commands/workers.js')).resumeWorker(worker, context),
      ),
    );
  addUsage(resume, '$0 workers resume host-1-4711');
}
