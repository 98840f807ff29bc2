declare module 'fs-native-extensions' {
  /** Takes an exclusive advisory lock on an open file; false when another open file has it. */
  export function tryLock(file: number): boolean;
}
