import { join } from "node:path";
import type { Logger } from "@holdfast/core";
import type { SessionStartHook } from "../acp/session-start.ts";
import type { AgentRow } from "../agents/row.ts";
import type { Paths } from "../fs/paths/paths.ts";
import type { Route } from "../http/router.ts";
import type { Mounts } from "../internal/mounts/mounts.ts";
import type { SandboxLimits } from "../limits.ts";
import { ConfigFiles } from "./config-file.ts";
import { ConfigRoutes } from "./routes.ts";
import { SessionConfig } from "./session-config.ts";
import { SkillFetcher } from "./skill-fetch.ts";

export interface ConfigSetup {
  readonly mounts: Mounts;
  readonly paths: Paths;
  readonly agents: ReadonlyMap<string, AgentRow>;
  readonly env: Readonly<Record<string, string>>;
  readonly home: string;
  readonly cwd: string;
  readonly root: string | undefined;
  readonly limits: SandboxLimits;
  readonly log: Logger;
}

/** Configuration of directories: its routes, and the hook that applies it to new sessions. */
export interface ConfigPart {
  readonly routes: readonly Route[];
  readonly onSessionStart: SessionStartHook;
}

/** Wires up the configuration of a server. */
export function createConfig(setup: ConfigSetup): ConfigPart {
  const { mounts, paths, agents, env, home, cwd, root, limits, log } = setup;
  const { maxConfigBytes } = limits;
  const files = new ConfigFiles(paths, maxConfigBytes);
  const cacheDirectory = join(home, ".local/share/holdfast/skills");
  const fetcher = new SkillFetcher({ paths, cacheDirectory, env, log });
  const rootOption = root === undefined ? {} : { root };
  const sessions = new SessionConfig({ files, agents, fetcher, mounts, env, limits, log, ...rootOption });
  return {
    routes: new ConfigRoutes({ files, cwd, home: paths.home, maxConfigBytes }).routes(),
    onSessionStart: (start) => sessions.onSessionStart(start),
  };
}
