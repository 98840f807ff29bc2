/** Examples for the OpenAPI document. */
export const APPENDED = {
  appended: { summary: 'The bytes are durable', value: { attempt: 1, size: 4096 } },
};

export const LOG_TEXT = 'epoch 1 loss 0.71\nepoch 2 loss 0.42\n';

export const LOG_EVENTS =
  'retry: 2000\n\n' +
  'id: 1:18\nevent: log\ndata: {"attempt":1,"offset":0,"text":"epoch 1 loss 0.71\\n"}\n\n' +
  'event: end\ndata: {"status":"completed"}\n\n';
