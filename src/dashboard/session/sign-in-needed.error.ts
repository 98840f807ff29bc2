/** Nobody is signed in. */
export class SignInNeeded extends Error {
  constructor(
    /** Where to go on afterwards. */
    readonly next: string,
  ) {
    super('Sign in first');
    this.name = 'SignInNeeded';
  }
}
