/** The examples of the OpenAPI document; `docs.examples.test.ts` runs them. */

const REPORT = {
  name: 'report.txt',
  size: 3,
  // echo 42 | sha256sum
  sha256: '084c799cd551dd1d8d5c5f9a5d593b2e931f5e36122ee5c793c1d08a19839cc0',
  content_type: 'text/plain',
  attempt: 1,
  created_at: '2030-01-31T12:00:02.000Z',
};

export const PUT_ARTIFACT = {
  stored: { report: { summary: 'A new artifact', value: REPORT } },
  repeated: { report: { summary: 'The same again', value: REPORT } },
};

export const LIST_ARTIFACTS = {
  one: { summary: 'One artifact', value: { eval_id: 'eval-1', artifacts: [REPORT] } },
};
