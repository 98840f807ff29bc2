import type { QueueDetails } from './dto/queue.response.js';
import { parseDto } from '../http/body-reader.js';
import { declareDto } from '../http/declared-dtos.js';
import { planOf } from '../http/dto-plan.js';
import type { HttpLimits } from '../http/http-limits.js';
import { isoTime } from '../queue/task.view.js';
import { isOngoing, type OutageGuard } from '../task/outage-guard.js';
import { guardOf, type QueueSettings, type QueueSettingsChange } from '../task/queue-settings.js';
import { type OutageGuardDto, type QueueChangeDto, QueueSettingsDto } from './dto/queue.dto.js';

declareDto(QueueSettingsDto);

const NAMES = {
  paused: 'paused',
  max_depth: 'maxDepth',
  max_concurrency: 'maxConcurrency',
  max_concurrency_per_group: 'maxConcurrencyPerGroup',
  rate_limit: 'rateLimit',
  priority_ageing: 'priorityAgeing',
  outage_guard: 'outageGuard',
} as const satisfies Record<keyof QueueChangeDto, keyof QueueSettings>;

/**
 * The requested changes: absent members stay, `null` removes a setting.
 *
 * @throws ProblemError `invalid_request`
 */
export function changeOf(dto: QueueChangeDto, limits: HttpLimits): QueueSettingsChange {
  const names = Object.keys(NAMES) as (keyof QueueChangeDto)[];
  const given = names.flatMap((name) => {
    const raw = dto[name];
    return raw === undefined ? [] : [{ name, text: raw.text.trim() }];
  });
  const members = given.filter(({ text }) => text !== 'null').map(({ name, text }) => `"${name}":${text}`);
  const settings = parseDto(`{${members.join(',')}}`, planOf(QueueSettingsDto), limits);
  const change: Record<string, unknown> = {};
  for (const { name, text } of given) change[NAMES[name]] = text === 'null' ? null : settings[name];
  // Without a guard of its own a queue has the default one, so null is a setting.
  if (change.outageGuard === null) change.outageGuard = 'off';
  else if (settings.outage_guard !== undefined) change.outageGuard = guardOfDto(settings.outage_guard);
  return change;
}

function guardOfDto({ window, min_attempts: minAttempts, share }: OutageGuardDto): OutageGuard {
  return { window, minAttempts, share };
}

/** The settings under their API names; null for absent ones. */
export function settingsView(settings: QueueSettings): Omit<QueueDetails, 'queue' | 'stats'> {
  return {
    paused: settings.paused ?? false,
    max_depth: settings.maxDepth ?? null,
    max_concurrency: settings.maxConcurrency ?? null,
    max_concurrency_per_group: settings.maxConcurrencyPerGroup ?? null,
    rate_limit: settings.rateLimit ?? null,
    priority_ageing: settings.priorityAgeing ?? null,
    outage_guard: guardView(guardOf(settings)),
    outage: outageView(settings),
  };
}

function guardView(guard: OutageGuard | undefined): QueueDetails['outage_guard'] {
  return guard === undefined
    ? null
    : { window: guard.window, min_attempts: guard.minAttempts, share: guard.share };
}

function outageView({ outage }: QueueSettings): QueueDetails['outage'] {
  return outage === undefined || !isOngoing(outage) ? null : { since: isoTime(outage.since) };
}
