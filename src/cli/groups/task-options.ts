import type { Command } from 'commander';
import { backoff, integer, natural, pairs, seconds } from '../parsers.js';

/** The fields of a task that `enqueue` and `schedules` take as options. */
export function addTaskOptions(command: Command): Command {
  return command
    .option('--queue <queue>', 'the queue of the task')
    .option('--priority <number>', 'higher priorities go first', integer)
    .option('--delay <seconds>', 'earliest start, in seconds from now', seconds)
    .option('--ttl <seconds>', 'the task expires unless it starts within this time', seconds)
    .option('--deadline <seconds>', 'seconds from the enqueue until all attempts must be over', seconds)
    .option('--timeout <seconds>', 'seconds that one attempt can run', seconds)
    .option('--language <language>', 'the language of the code')
    .option('--engine <engine>', 'the engine that runs the code')
    .option('--max-attempts <number>', 'failures until the task is a dead letter', integer)
    .option('--max-interruptions <number>', 'lost leases that return the task to its queue', natural)
    .option(
      '--backoff <backoff>',
      'wait between attempts: fixed:SECONDS or exponential:SECONDS:LONGEST:JITTER',
      backoff,
    )
    .option('--callback-url <url>', 'URL that gets a webhook when the task ends')
    .option('--group <group>', 'the owner of the task; groups take turns within a queue')
    .option('--requires <labels>', 'labels that a worker must offer: name=value, separated by commas', pairs)
    .option('--metadata <json>', 'a JSON object for the worker');
}
