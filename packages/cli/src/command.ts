/** A command of `holdfast`, loaded when it is asked for. */
export interface Command {
  readonly usage: string;
  /** Resolves to the exit code: 0 done, 1 failed, 2 wrong usage. */
  readonly run: (args: readonly string[]) => Promise<number>;
}

export type CommandLoader = () => Promise<Command>;
