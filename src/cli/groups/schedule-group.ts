import { type Command, Option } from 'commander';
import type { ScheduleOptions } from '../commands/schedules.js';
import { addUsage, run } from '../declaration.js';
import { addTaskOptions } from './task-options.js';

export function addSchedules(program: Command): void {
  const schedules = program
    .command('schedules')
    .description('list, create, edit, pause, trigger and delete schedules');
  addUsage(schedules, '$0 schedules', '$0 schedules show nightly', '$0 schedules trigger nightly');
  addReads(schedules);
  addEdits(schedules);
  addActions(schedules);
}

function addReads(schedules: Command): void {
  const all = schedules
    .command('list', { isDefault: true })
    .description('list schedules')
    .action(run(async (context) => (await import('../commands/schedules.js')).listSchedules(context)));
  addUsage(all, '$0 schedules', '$0 schedules list -o json');
  const show = schedules
    .command('show <id>')
    .description('show a schedule and its task')
    .action(
      run(async (context, id: string) =>
        (await import('../commands/schedules.js')).showSchedule(id, context),
      ),
    );
  addUsage(show, '$0 schedules show nightly');
}

function addEdits(schedules: Command): void {
  const create = addScheduleOptions(schedules.command('create <id>').description('create a schedule')).action(
    run(async (context, id: string, options: ScheduleOptions) =>
      (await import('../commands/schedules.js')).createSchedule(id, options, context),
    ),
  );
  addUsage(
    create,
    "$0 schedules create nightly --cron '0 3 * * *' --timezone Europe/Berlin --code job.py --queue reports",
    `echo '{"cron":"@daily","task":{"code":"print(1)"}}' | $0 schedules create daily --file -`,
  );
  const edit = addScheduleOptions(
    schedules.command('edit <id>').description('change what the options name, and keep the rest'),
  ).action(
    run(async (context, id: string, options: ScheduleOptions) =>
      (await import('../commands/schedules.js')).editSchedule(id, options, context),
    ),
  );
  addUsage(
    edit,
    "$0 schedules edit nightly --cron '30 4 * * *'",
    '$0 schedules edit nightly --code job.py --timeout 600',
  );
}

function addActions(schedules: Command): void {
  for (const [verb, isPaused] of [
    ['pause', true],
    ['resume', false],
  ] as const) {
    const command = schedules
      .command(`${verb} <id>`)
      .description(`${verb} a schedule`)
      .action(
        run(async (context, id: string) =>
          (await import('../commands/schedules.js')).setPaused(id, isPaused, context),
        ),
      );
    addUsage(command, `$0 schedules ${verb} nightly`);
  }
  const trigger = schedules
    .command('trigger <id>')
    .description('enqueue a task of the schedule now')
    .action(
      run(async (context, id: string) =>
        (await import('../commands/schedules.js')).triggerSchedule(id, context),
      ),
    );
  addUsage(trigger, '$0 schedules trigger nightly');
  const remove = schedules
    .command('delete <id>')
    .description('delete a schedule; its tasks stay')
    .action(
      run(async (context, id: string) =>
        (await import('../commands/schedules.js')).removeSchedule(id, context),
      ),
    );
  addUsage(remove, '$0 schedules delete nightly');
}

function addScheduleOptions(command: Command): Command {
  return addTaskOptions(
    command
      .option(
        '--file <file>',
        'a JSON object as for POST /schedules (- for standard input); options override it',
      )
      .option('--cron <expression>', 'when: five fields, six with seconds first, or @daily')
      .option('--timezone <name>', 'the time zone of --cron (default: UTC)')
      .addOption(
        new Option('--catch-up <policy>', 'what to enqueue for missed due times').choices([
          'skip',
          'one',
          'all',
        ]),
      )
      .option('--code <file>', 'a file with the code of the task (- for standard input)'),
  ).option('--batch <id>', 'the batch of the task');
}
