import type { Logger } from "@holdfast/core";
import type { AcpInstances } from "../acp/instances.ts";
import type { Paths } from "../fs/paths/paths.ts";
import type { Route } from "../http/router.ts";
import type { Mounts } from "../internal/mounts/mounts.ts";
import type { SandboxLimits } from "../limits.ts";
import { sessionCwd } from "./cwd.ts";
import { SessionRoutes } from "./routes.ts";
import { Sessions } from "./sessions.ts";
import type { PermissionPolicy } from "./turns/policy.ts";

export interface SessionsSetup {
  readonly instances: AcpInstances;
  readonly limits: SandboxLimits;
  readonly log: Logger;
  readonly mounts: Mounts;
  readonly paths: Paths;
  readonly cwd: string;
  readonly home: string;
  readonly confined: boolean;
  readonly dataDirectory: string | undefined;
  readonly policy: PermissionPolicy | undefined;
}

/** The sessions of a server: routes and lifecycle. */
export interface SessionsPart {
  readonly routes: readonly Route[];
  readonly sessions: Sessions;
  /** Resolves a caller's working directory to an absolute path; throws where it is not allowed. */
  readonly resolveCwd: (cwd: string | undefined) => Promise<string>;
  /** Runs prompts that an earlier server process accepted. Call it once the server listens. */
  start(): void;
  /** Call it before the agents are ended. */
  stopPrompts(): void;
  /** Call it after the agents have ended. */
  close(): Promise<void>;
}

export function createSessions(setup: SessionsSetup): SessionsPart {
  const { instances, limits, log, mounts, paths, cwd, home, confined, dataDirectory, policy } = setup;
  const sessions = new Sessions({
    instances,
    limits,
    logger: log,
    ...(dataDirectory === undefined ? {} : { dataDirectory }),
    ...(policy === undefined ? {} : { policy }),
  });
  const resolveCwd = (path: string | undefined) =>
    sessionCwd(path, { base: cwd, home, mounts, ...(confined ? { paths } : {}) });
  return {
    routes: new SessionRoutes({ sessions, limits, resolveCwd }).routes(),
    sessions,
    resolveCwd,
    start: () => sessions.start(),
    stopPrompts: () => sessions.stopPrompts(),
    close: () => sessions.close(),
  };
}
