/** The service's bounds from its OpenAPI document; a test compares them. Delays are in seconds, texts in characters. */
export const BOUNDS = {
  longestDelay: 31_622_400,
  longestReason: 1000,
  longestMessage: 1000,
  smallestExitCode: -2_147_483_648,
  largestExitCode: 4_294_967_295,
  largestClaim: 100,
  /** The form of a cause. */
  cause: '^[a-z0-9][a-z0-9_.-]{0,63}$',
} as const;
