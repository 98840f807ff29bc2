import type { Type } from '@nestjs/common';
import type { Flavour, PlanOptions } from '../plan.js';
import type { OpenedStore } from '../stores.js';

/** A fault that the service once had, or could have, and that the simulation must find. */
export interface Fault {
  readonly name: string;
  /** Which fault of the close reading of November 2026 it is, when it is one. */
  readonly point?: number;
  /** Themes and stores in which it can show. */
  readonly where: PlanOptions;
  /** Classes of the service that take the place of sound ones. */
  readonly classes?: ReadonlyMap<object, Type>;
  /** Spoils what is there; returns what undoes that. */
  readonly plant?: (opened: OpenedStore) => () => void;
  /** What the store is told of its limits, instead of what they are. */
  readonly flavour?: (flavour: Flavour) => Flavour;
  /** The service does not notice that a client hangs up. */
  readonly isDeaf?: boolean;
  /** Watchers hear nothing of a clear. */
  readonly isClearSilent?: boolean;
}
