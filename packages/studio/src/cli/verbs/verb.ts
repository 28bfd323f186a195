/** Commands that have verbs, `holdfast NOUN VERB`: what a verb is, its usage text, and the command made of them. */
import type { OwnerAccess, OwnerOptions } from "../server/owner.ts";

export interface VerbOption {
  readonly type: "string" | "boolean";
  /** Placeholder of its value in the usage text: "NAME", or its choices: "on|off". */
  readonly value?: string;
  readonly description: string;
}

export type VerbOptions = Readonly<Record<string, VerbOption>>;

/** What was given of the options. */
export type OptionValues<Options extends VerbOptions> = {
  readonly [Name in keyof Options]?: ValueOf<Options[Name]["type"]>;
};

type ValueOf<Type extends VerbOption["type"]> = Type extends "boolean" ? boolean : string;

/** One call of a verb, with the owner's access to a Studio. */
export interface VerbCall<Options extends VerbOptions> extends Pick<OwnerAccess, "client" | "isPersistent"> {
  readonly args: readonly string[];
  readonly values: OptionValues<Options>;
  readonly json: boolean;
  /** Value of `--data`. */
  readonly data: string | undefined;
  /** Prints a line of JSON with `--json`, and otherwise the text. */
  print(value: unknown, text: string): void;
}

export interface Verb<Options extends VerbOptions = VerbOptions> {
  /** What follows the verb, as in the usage text: "TASK TEXT", "ID...", "[HOURS]". */
  readonly arguments?: string;
  readonly description: string;
  readonly options?: Options;
  /** Checks arguments and options before a Studio is reached. Throws a `UsageError`. */
  check?(args: readonly string[], values: OptionValues<Options>): void;
  /** Which tasks a Studio runs that this call starts; none by default. */
  runTasks?(args: readonly string[]): OwnerOptions["runTasks"];
  /** Resolves with the exit code; 0 if it resolves with nothing. */
  run(call: VerbCall<Options>): Promise<number> | Promise<void>;
}

export type Verbs = Readonly<Record<string, Verb>>;

/** Gives a verb the types of its own options. */
export function verb<const Options extends VerbOptions>(definition: Verb<Options>): Verb {
  return definition;
}

/** Options of several verbs, with `--data` and `--json` at the end. */
export const commonOptions = {
  organization: {
    type: "string",
    value: "ID",
    description: "an organization besides the first one, by its id or name",
  },
  data: {
    type: "string",
    value: "DIR",
    description: "data directory (default: HOLDFAST_DATA or .holdfast)",
  },
  json: { type: "boolean", description: "machine-readable output" },
} as const satisfies VerbOptions;
