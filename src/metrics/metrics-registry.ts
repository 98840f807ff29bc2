import { Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';

/** The metrics of one application, separate from others in the same process. */
@Injectable()
export class MetricsRegistry extends Registry {}
