import { JsonText, type ListedSchedule, NotFound } from '../../client/index.js';
import { membersOf, stringify } from '../../client/json-text.js';
import { pathTo } from '../../client/paths.js';
import type { Context } from '../context.js';
import { CommandFailed, EXIT } from '../exit-code.js';
import { objectText, readAll } from '../input.js';
import { fieldsOf, type TaskOptions } from './enqueue.js';

const COLUMNS = {
  SCHEDULE: (row: ListedSchedule) => row.schedule_id,
  CRON: (row: ListedSchedule) => row.cron,
  TIMEZONE: (row: ListedSchedule) => row.timezone,
  QUEUE: (row: ListedSchedule) => row.queue,
  NEXT: (row: ListedSchedule) => (row.paused ? 'paused' : row.next_due_at[0]),
  LAST_TASK: (row: ListedSchedule) => row.last_eval_id,
};

/** Members that a schedule is posted with. The others are its state. */
const POSTED = ['schedule_id', 'cron', 'timezone', 'catch_up', 'paused', 'task'] as const;

export interface ScheduleOptions extends TaskOptions {
  readonly cron?: string;
  readonly timezone?: string;
  readonly catchUp?: string;
  /** A file with the code of the task. */
  readonly code?: string;
  /** A file with the schedule as JSON. */
  readonly file?: string;
}

/** `schedules`: lists the schedules. */
export async function listSchedules(context: Context): Promise<void> {
  await context.list().rows(COLUMNS, context.client.schedules.list());
}

/** `schedules show`: the whole schedule, with its task. */
export async function showSchedule(id: string, context: Context): Promise<void> {
  await context.single().record(await context.client.schedules.get(id));
}

/** `schedules create`: makes a schedule of a file, of options, or of both. */
export async function createSchedule(id: string, options: ScheduleOptions, context: Context): Promise<void> {
  const exists = await context.client.schedules.get(id).then(
    () => true,
    (error: unknown) => {
      if (error instanceof NotFound) return false;
      throw error;
    },
  );
  if (exists)
    throw new CommandFailed(
      EXIT.refused,
      `Schedule ${id} exists: change it with crucible-queue schedules edit`,
    );
  await put(id, changed(new Map(), await changeOf(options)), context);
}

/** `schedules edit`: changes what the options or the file name, and keeps the rest. */
export async function editSchedule(id: string, options: ScheduleOptions, context: Context): Promise<void> {
  const change = await changeOf(options);
  if (change.schedule.size === 0 && change.task.size === 0)
    throw new CommandFailed(EXIT.usage, 'Name what to change, such as --cron or --queue');
  await put(id, changed(await membersFor(id, context), change), context);
}

/** `schedules pause` and `schedules resume`. */
export async function setPaused(id: string, isPaused: boolean, context: Context): Promise<void> {
  const change = { schedule: new Map([['paused', String(isPaused)]]), task: new Map<string, string>() };
  await put(id, changed(await membersFor(id, context), change), context);
}

/** `schedules trigger`: enqueues a task of the schedule now. The due times stay as they are. */
export async function triggerSchedule(id: string, context: Context): Promise<void> {
  const task = membersOf((await membersFor(id, context)).get('task') ?? '{}');
  task.set('eval_id', JSON.stringify(`${id}:manual-${crypto.randomUUID().slice(0, 8)}`));
  const call = { method: 'POST', path: 'tasks', body: new JsonText(objectOf(task)) } as const;
  await context.single().record((await context.client.request(call)) as object);
}

/** `schedules delete`: its tasks stay. */
export async function removeSchedule(id: string, context: Context): Promise<void> {
  await context.single().record(await context.client.schedules.remove(id));
}

type Members = Map<string, string>;

/** Members of a schedule and of its task, as JSON text. */
interface Change {
  readonly schedule: Members;
  readonly task: Members;
}

async function changeOf(options: ScheduleOptions): Promise<Change> {
  const { file, code, cron, timezone, catchUp } = options;
  const schedule: Members =
    file === undefined ? new Map<string, string>() : membersOf(objectText(await readAll(file), file).text);
  const task = { ...fieldsOf(options), ...(code === undefined ? {} : { code: await readAll(code) }) };
  return {
    schedule: new Map([...schedule, ...textsOf({ cron, timezone, catch_up: catchUp })]),
    task: new Map(textsOf(task)),
  };
}

function changed(members: Members, { schedule, task }: Change): Members {
  const next = new Map([...members, ...schedule]);
  const given = next.get('task');
  if (given !== undefined || task.size > 0) {
    const whole = given?.trim().startsWith('{') ? membersOf(given) : new Map<string, string>();
    next.set('task', objectOf(new Map([...whole, ...task])));
  }
  return next;
}

/** @throws CommandFailed when the key does not see the task */
async function membersFor(id: string, context: Context): Promise<Members> {
  const { text } = await context.client.requestText({ method: 'GET', path: pathTo('schedules', id) });
  const members = membersOf(text);
  if (!members.has('task'))
    throw new CommandFailed(
      EXIT.notAllowed,
      'QUEUE_API_KEY does not show the task of a schedule; use a producer’s key',
    );
  return new Map([...members].filter(([name]) => (POSTED as readonly string[]).includes(name)));
}

async function put(id: string, members: Members, context: Context): Promise<void> {
  const body = new JsonText(objectOf(new Map([...members, ['schedule_id', JSON.stringify(id)]])));
  const call = { method: 'POST', path: 'schedules', body } as const;
  await context.single().record((await context.client.request(call)) as object);
}

function textsOf(values: object): [string, string][] {
  return Object.entries(values).flatMap(([name, value]): [string, string][] => {
    const text = stringify(value);
    return text === undefined ? [] : [[name, text]];
  });
}

function objectOf(members: Members): string {
  return `{${[...members].map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`;
}
