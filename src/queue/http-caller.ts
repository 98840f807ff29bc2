import type { Response } from 'express';
import { onAnswered, onHangUp } from '../http/raw-reply.js';
import type { Caller } from './caller.js';

/** The client that waits for this response. */
export function callerOf(response: Response): Caller {
  return {
    get isGone() {
      return response.destroyed || response.req.socket.destroyed;
    },
    onGone: (callback) => {
      onHangUp(response, callback);
    },
    onAnswered: (callback) => {
      onAnswered(response, (isWhole) => callback(isWhole && response.statusCode < 400));
    },
  };
}
