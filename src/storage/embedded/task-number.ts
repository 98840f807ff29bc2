/** The number the store gave a task when it accepted it: its age, and its key on disk. */
export type TaskNumber = number;
