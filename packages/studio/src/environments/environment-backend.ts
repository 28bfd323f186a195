/** Interfaces between preparations and the durable actors of environments. */
import type { EnvironmentView, TaskError } from "../contract.ts";

/** What an environment's actor is told when a preparation begins. */
export interface EnvironmentStart
  extends Pick<
    EnvironmentView,
    "id" | "repository" | "node" | "source" | "required" | "commit" | "inputs" | "notSupported"
  > {
  /** Their names. */
  readonly steps: readonly string[];
  /** The node that prepares it. Absent on a single node. */
  readonly preparedBy?: string;
}

export type EnvironmentReport =
  | { readonly type: "step-started"; readonly step: number }
  | { readonly type: "output"; readonly step: number; readonly text: string }
  | { readonly type: "step-ended"; readonly step: number }
  /** Without an error, the environment is ready. */
  | { readonly type: "ended"; readonly error?: TaskError };

/** The actor of one environment. Every call resolves when its effect is durable. */
export interface EnvironmentBackend {
  begin(start: EnvironmentStart): Promise<void>;
  report(report: EnvironmentReport): Promise<void>;
  /** The node that prepares it; undefined on a single node, and if nothing was prepared. */
  preparedBy(): Promise<string | undefined>;
  /** Its newest preparation; undefined before the first. */
  latest(): Promise<EnvironmentView | undefined>;
}

/** A preparation that goes on after a restart of this machine's server. */
export interface OpenPreparation {
  readonly id: string;
  /** Id of the data directory in which it runs. */
  readonly place: string;
  readonly repository: string;
  readonly node?: string;
}

/** The organization's list of the preparations that have not ended. */
export interface PreparationIndex {
  add(preparation: OpenPreparation): Promise<void>;
  remove(id: string): Promise<void>;
  list(place: string): Promise<readonly OpenPreparation[]>;
}
