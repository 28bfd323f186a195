/**
 * Environments: what a repository needs before an agent can work on it. This room reads the description from the
 * repository, prepares it once in jails, keeps the result as a snapshot on this machine, and gives each task a copy.
 */

import type { UserRepository } from "../cluster/repositories.ts";
import type { TaskError } from "../contract.ts";

/** What a repository asks for. Everything in it comes from the repository, and is untrusted. */
export interface Environment {
  /** Path of the file in the repository. */
  readonly source: string;
  /**
   * True if a task does not start without it. The environment of a `devcontainer.json`, which was written for another
   * tool, only helps where it works.
   */
  readonly required: boolean;
  /** Files and folders of the repository; the environment is prepared again when one of them changes. */
  readonly inputs: readonly string[];
  /** Variables of the steps and of the agent. */
  readonly variables: Readonly<Record<string, string>>;
  readonly steps: readonly EnvironmentStep[];
  readonly checks: readonly EnvironmentCheck[];
  readonly services: readonly EnvironmentService[];
  readonly network: readonly NetworkRule[];
  /** Folders that survive from one preparation to the next. */
  readonly caches: readonly EnvironmentCache[];
  /** Keys of a `devcontainer.json` that have no effect here. */
  readonly notSupported: readonly string[];
}

/** A command of the shell, in the repository's top folder. */
export interface EnvironmentStep {
  readonly name: string;
  readonly run: string;
  /** Milliseconds. */
  readonly timeoutMs: number;
}

/** A command that tells whether the changes of a task are good: tests, a linter, a type check. */
export interface EnvironmentCheck extends EnvironmentStep {
  /** True if it runs after each turn of the agent. */
  readonly afterTurn: boolean;
}

/** A command that runs beside the agent: a database, a server of the project. */
export interface EnvironmentService {
  readonly name: string;
  readonly run: string;
}

/** The folder of a cache. Its path is in `variable`. */
export interface EnvironmentCache {
  readonly name: string;
  readonly variable: string;
}

/** What the steps may reach: the npm registry of this machine, or a host over HTTPS. */
export type NetworkRule = "npm" | NetworkHost;

export interface NetworkHost {
  /** A host name in lower case. */
  readonly host: string;
  readonly methods: readonly string[];
  /** Prefix of the allowed paths. */
  readonly path?: string;
  /** A secret of the vault, which the gate adds to the requests. It never enters a jail. */
  readonly secret?: {
    readonly name: string;
    readonly as: "bearer" | "basic" | "x-api-key";
    /** For "basic" only. */
    readonly username?: string;
  };
}

/** What the last commit of a repository asks for, as the machine with the repository reads it. */
export interface EnvironmentSource {
  readonly repository: UserRepository;
  /** Absent if it asks for nothing. */
  readonly found?: FoundEnvironment;
  /** Why its file cannot be used. */
  readonly problem?: TaskError & { readonly metadata: unknown };
}

/** An environment at one commit. */
export interface FoundEnvironment {
  readonly environment: Environment;
  readonly commit: string;
  /** Hash of all inputs, in hexadecimal: equal hashes need one preparation. */
  readonly inputsHash: string;
  /** Set for code of a fork, which shares neither files nor caches with the repository. */
  readonly variant?: string;
}
