import {
  applyDecorators,
  type CanActivate,
  type ExecutionContext,
  Inject,
  Injectable,
  UseGuards,
} from '@nestjs/common';
import type { Request } from 'express';
import { type Exchange, readText } from './body-reader.js';
import { invalidRequest } from './dto-reader.js';
import { HttpLimits } from './http-limits.js';
import { pairOf } from './json-body.decorator.js';
import { requireNoParameters } from './query-reader.js';

@Injectable()
class NoQueryGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    requireNoParameters(context.switchToHttp().getRequest<Request>().url);
    return true;
  }
}

@Injectable()
class NoBodyGuard implements CanActivate {
  constructor(@Inject(HttpLimits) private readonly limits: HttpLimits) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    await requireNoBody({ ...pairOf(context), limits: this.limits });
    return true;
  }
}

/** Rejects query parameters with 422: the client may have meant a filter that the route lacks. */
export function TakesNoQuery(): MethodDecorator {
  return applyDecorators(UseGuards(NoQueryGuard));
}

/** Rejects a body other than `{}` with 422: the client may have meant a filter that the route lacks. */
export function TakesNoBody(): MethodDecorator {
  return applyDecorators(UseGuards(NoBodyGuard));
}

/** Ignores the content type, because every non-empty body is rejected. */
async function requireNoBody(exchange: Exchange): Promise<void> {
  const text = (await readText(exchange)).trim();
  if (text === '' || /^\{\s*\}$/.test(text)) return;
  throw invalidRequest([{ pointer: '', detail: 'This request has no body; send none, or {}' }]);
}
