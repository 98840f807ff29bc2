import type { Response } from 'express';
import type { AuthenticatedRequest } from '../auth/authenticated-request.js';
import { onAnswered } from '../http/raw-reply.js';
import type { Caller } from './caller.js';

/** The client of this response. */
export function callerOf(response: Response): Caller {
  const request: AuthenticatedRequest = response.req;
  return {
    get isGone() {
      return response.destroyed || request.socket.destroyed || !isAdmitted(request);
    },
    onGone: (callback) => {
      onGone(response, request, callback);
    },
    requireEntry: () => {
      request.gate?.requireEntry(request);
    },
    onAnswered: (callback) => {
      onAnswered(response, (isWhole) => {
        callback(isWhole && response.statusCode < 400);
      });
    },
  };
}

function onGone(response: Response, request: AuthenticatedRequest, callback: () => void): void {
  let isCalled = false;
  const call = () => {
    if (!isCalled) callback();
    isCalled = true;
  };
  const look = () => {
    if (!isAdmitted(request)) call();
  };
  const forget = request.gate?.onChange(look);
  queueMicrotask(look);
  onAnswered(response, (isWhole) => {
    forget?.();
    if (!isWhole) call();
  });
}

function isAdmitted(request: AuthenticatedRequest): boolean {
  try {
    request.gate?.requireEntry(request);
    return true;
  } catch {
    return false;
  }
}
