/** The user and group that a command runs as. */
export interface User {
  readonly uid: number;
  readonly gid: number;
}
