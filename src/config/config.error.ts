/** The configuration is invalid and the service cannot start. One line per problem, without secrets. */
export class InvalidConfig extends Error {
  constructor(
    readonly lines: readonly string[],
    options?: ErrorOptions,
  ) {
    super(lines.join('\n'), options);
    this.name = 'InvalidConfig';
  }
}
