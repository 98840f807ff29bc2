import { Command } from 'commander';
import { addAddress, addExamples, addFormat, PROGRAM } from './declaration.js';
import { addBatches } from './groups/batch-group.js';
import { addQueues } from './groups/queue-group.js';
import { addSchedules } from './groups/schedule-group.js';
import { addService } from './groups/service-group.js';
import { addTasks } from './groups/task-group.js';
import { addWebhooks } from './groups/webhook-group.js';
import { addWork } from './groups/work-group.js';

const HELP = `
Environment:
  QUEUE_URL      URL of the service (default: http://127.0.0.1:8081)
  QUEUE_API_KEY  the API key; there is no option for it, because other users can read arguments
  NO_COLOR       turns colors off

Exit codes:
  0   success
  1   the task did not complete, some tasks were refused, or the store is damaged
  64  wrong usage
  65  refused: the data, or the state of the task, does not allow it
  66  no such task, batch, schedule or file
  69  the service is unreachable or unavailable; for work: the program was not found
  70  an internal error
  75  --wait ended before the task did
  77  the key is missing or wrong, or lacks permission`;

/** The commands and their options. The code of a command is loaded when it runs, so only `serve` loads the service. */
export function createProgram(version: string): Command {
  const program = new Command(PROGRAM)
    .description('Client, worker and tools for the Crucible task queue')
    .version(version)
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError('(--help shows options and examples)')
    .addHelpText('after', HELP);
  addFormat(addAddress(program));
  addExamples(
    program,
    "echo 'print(6 * 7)' | $0 enqueue - --id eval-1   # one task, with standard input as its code",
    '$0 work --until-empty -- python3 -              # runs the tasks that are ready',
    '$0 output eval-1                                # prints what the task printed',
    '$0 enqueue --help                               # each command has its own options and examples',
  );
  addTasks(program);
  addWork(program);
  addQueues(program);
  addBatches(program);
  addSchedules(program);
  addWebhooks(program);
  addService(program, () => import('../main.js'));
  return program;
}
