import type { ServerResponse } from 'node:http';
import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { ProblemError } from '../http/problem.error.js';
import { publicPage } from '../http/public-path.js';
import { onHangUp } from '../http/raw-reply.js';
import { setSseHeaders } from '../http/sse-stream.js';
import { BackgroundLoop } from '../runtime/background-loop.js';
import { TaskStore } from '../storage/task-store.js';
import type { Html } from './parts/html.js';

/** A part of a page that is updated live. */
export interface LivePart {
  /** Identifies the content. Viewers with the same key share one rendering. */
  readonly key: string;
  /** Rendered again only after a transition of this task. */
  readonly taskId?: string;
  readonly render: () => Promise<Html>;
  /** Whether the part changes without transitions, so that it must be rendered every second. */
  readonly isRestless?: () => Promise<boolean>;
  /** Whether the viewer's access is still unchanged. */
  readonly isAllowed: () => Promise<boolean>;
}

interface Viewer {
  readonly part: LivePart;
  readonly response: ServerResponse;
  sent: string;
  /** Turns since the part was rendered. */
  age: number;
}

const TURN_MS = 1_000;
/**
 * Ages in seconds and minutes change without transitions, so parts are rendered again after this many turns. Also the
 * time until the end of a session takes effect.
 */
const TURNS_UNTIL_OLD = 5;
const MAX_VIEWERS = 500;

/**
 * Sends parts of pages as server-sent events: the whole part after each change, at most once a second. Without viewers
 * it only records that transitions happened.
 */
@Injectable()
export class LiveStreams implements OnModuleInit, OnModuleDestroy {
  private readonly viewers = new Set<Viewer>();
  private readonly moved = new Set<string>();
  private hasMoved = false;
  private isClosed = false;
  private readonly loop: BackgroundLoop;

  constructor(private readonly store: TaskStore) {
    this.loop = new BackgroundLoop({
      clock: store.clock,
      pass: () => this.turn(),
      longestMs: Infinity,
      failure: 'Updating pages failed',
      logger: new Logger(LiveStreams.name),
    });
  }

  onModuleInit(): void {
    this.loop.start(Infinity);
    this.store.watch({
      onTransitions: (transitions) => {
        if (this.viewers.size === 0) return;
        this.hasMoved = true;
        for (const { id } of transitions) this.moved.add(id);
      },
      onGap: () => {
        this.hasMoved = true;
      },
    });
  }

  /** Open streams would delay the shutdown of the service. */
  async onModuleDestroy(): Promise<void> {
    this.isClosed = true;
    for (const { response } of this.viewers) response.end();
    this.viewers.clear();
    await this.loop.stop();
  }

  get size(): number {
    return this.viewers.size;
  }

  /** Streams the part until the viewer disconnects. */
  open(response: ServerResponse, part: LivePart): void {
    if (this.isClosed)
      throw new ProblemError('draining', 'The service is shutting down; try again in a moment');
    if (this.viewers.size >= MAX_VIEWERS) {
      throw new ProblemError('too_many_waiters', `More than ${MAX_VIEWERS} pages are open; close some`);
    }
    const viewer: Viewer = { part, response, sent: '', age: TURNS_UNTIL_OLD };
    response.statusCode = 200;
    setSseHeaders(response);
    response.write(':\n\n');
    this.viewers.add(viewer);
    onHangUp(response, () => this.remove(viewer));
    this.loop.wake(TURN_MS);
  }

  private remove(viewer: Viewer): void {
    this.viewers.delete(viewer);
  }

  /** Without viewers there is no next turn. */
  private async turn(): Promise<number | undefined> {
    const made = new Map<string, Promise<Html | undefined>>();
    const viewers = [...this.viewers];
    const states = await Promise.all(viewers.map(isRestless));
    const due = viewers.filter((viewer, index) => this.isDue(viewer, states[index] === true));
    this.hasMoved = false;
    this.moved.clear();
    await Promise.all(due.map((viewer) => this.update(viewer, made)));
    return this.viewers.size > 0 ? TURN_MS : undefined;
  }

  private isDue(viewer: Viewer, isRestless: boolean): boolean {
    viewer.age += 1;
    const { taskId } = viewer.part;
    const hasMoved = taskId === undefined ? this.hasMoved : this.moved.has(taskId);
    // A viewer that has not read the last part needs no newer one.
    return (hasMoved || isRestless || viewer.age >= TURNS_UNTIL_OLD) && !viewer.response.writableNeedDrain;
  }

  private async update(viewer: Viewer, made: Map<string, Promise<Html | undefined>>): Promise<void> {
    viewer.age = 0;
    const { key, render, isAllowed } = viewer.part;
    if (!(await isAllowed().catch(() => false))) {
      this.end(viewer);
      return;
    }
    let making = made.get(key);
    if (making === undefined) {
      // For example, the store is unavailable. The page keeps its content until the next turn.
      making = render().catch(() => undefined);
      made.set(key, making);
    }
    const text = (await making)?.text;
    if (this.viewers.has(viewer)) send(viewer, text && publicPage(viewer.response.req, text));
  }

  /** The page reconnects and gets what its viewer may see now. */
  private end(viewer: Viewer): void {
    this.remove(viewer);
    viewer.response.end();
  }
}

async function isRestless({ part }: Viewer): Promise<boolean> {
  return (await part.isRestless?.().catch(() => false)) ?? false;
}

/** For an unchanged part: a comment line, so that neither a proxy nor a timeout closes the connection. */
function send(viewer: Viewer, text: string | undefined): void {
  const isNews = text !== undefined && text !== viewer.sent;
  viewer.response.write(isNews ? `data: ${text.replaceAll('\n', '\ndata: ')}\n\n` : ':\n\n');
  if (isNews) viewer.sent = text;
}
