/** A section of the stream: its start, two events, a keep-alive and a reset. */
export const STREAM = `retry: 2000

id: 4711

id: 4712
data: {"id":4712,"type":"queued","eval_id":"eval-1","queue":"default","status":"queued","sequence":1,"timestamp":"2026-11-24T04:02:39.962Z","attempt":0}

id: 4713
data: {"id":4713,"type":"processing","eval_id":"eval-1","queue":"default","status":"processing","sequence":2,"timestamp":"2026-11-24T04:02:40.298Z","attempt":1,"worker_id":"w1"}

:

event: reset
id: 5020
data: {"reason":"too_old"}

`;
