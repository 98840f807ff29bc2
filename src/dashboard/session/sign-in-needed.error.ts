/** The request has no session. */
export class SignInNeeded extends Error {
  constructor(
    /** Address to return to after the sign-in. */
    readonly next: string,
  ) {
    super('Sign in first');
    this.name = 'SignInNeeded';
  }
}
