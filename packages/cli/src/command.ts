/** A command of `holdfast`. */
export interface Command {
  /** What `--help` prints. Shell completion reads its verbs and options from here, too. */
  readonly usage: string;
  /** Resolves to the exit code: 0 done, 1 failed, 2 wrong usage. */
  readonly run: (args: readonly string[]) => Promise<number>;
  /** The commands below it, by name, if it is a group of commands. */
  readonly subcommands?: Readonly<Record<string, CommandEntry>>;
}

/** Loads a command on first use, so that a program keeps nothing of the others in memory. */
export type CommandLoader = () => Promise<Command>;

/** A command in a list of commands. */
export interface CommandEntry {
  /** One line for the list. */
  readonly summary: string;
  readonly load: CommandLoader;
}
