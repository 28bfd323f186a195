import type { Handler } from "../http/router.ts";
import type { OpenCodeConfig } from "./config.ts";

/** Routes by path and method. */
export type RouteTable = Readonly<Record<string, Readonly<Record<string, Handler>>>>;

/** Settings and helpers shared by all routes. */
export interface RouteContext {
  readonly config: OpenCodeConfig;
  readonly maxJsonBytes: number;
  readonly maxTuiBytes: number;
  readonly heartbeatMs: number;
  readonly startedAt: number;
  readonly home: string;
  readonly state: string;
  readonly configDirectory: string;
  /** Resolves the working directory of a new session. Throws `invalid_request` when it does not exist. */
  readonly resolveCwd: (directory: string | undefined) => Promise<string>;
  /** Resolves a directory that may not exist to an absolute path. */
  readonly resolveDirectory: (directory: string | undefined) => Promise<string>;
}
