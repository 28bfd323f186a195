import type { Handler } from "../http/router.ts";
import type { OpenCodeConfig } from "./config.ts";

/** Routes by path and method. */
export type RouteTable = Readonly<Record<string, Readonly<Record<string, Handler>>>>;

/** What the routes share. */
export interface Shared {
  readonly config: OpenCodeConfig;
  readonly maxJsonBytes: number;
  readonly maxTuiBytes: number;
  readonly heartbeatMs: number;
  readonly startedAt: number;
  readonly home: string;
  readonly state: string;
  readonly configDirectory: string;
  /** The working directory of a new session. Throws `invalid_request` for one that is not there. */
  readonly cwdOf: (directory: string | undefined) => Promise<string>;
  /** The absolute form of a directory that may not be there. */
  readonly placeOf: (directory: string | undefined) => Promise<string>;
}
