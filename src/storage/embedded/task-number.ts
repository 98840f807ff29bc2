/** The number that the store assigned when it accepted the task. It gives the task's age, and is its key on disk. */
export type TaskNumber = number;
