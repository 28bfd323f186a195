import { join } from "node:path";
import type { ObservedOptions } from "../agents/config-options.ts";
import type { LaunchContext } from "../agents/launch.ts";
import type { AgentRow } from "../agents/row.ts";
import type { Route } from "../http/router.ts";
import type { SandboxLimits } from "../limits.ts";
import type { SessionsPart } from "../sessions/setup.ts";
import { Catalog } from "./catalog.ts";
import { OpenCodeConfig } from "./config.ts";
import { Hub } from "./hub.ts";
import type { OpenCodeOptions } from "./options.ts";
import { OpenCodeAskRoutes } from "./routes/ask-routes.ts";
import { sendWireError } from "./routes/errors.ts";
import { OpenCodeMessageRoutes } from "./routes/message-routes.ts";
import { OpenCodeProjectRoutes } from "./routes/project-routes.ts";
import { forwardingRoute } from "./routes/proxy.ts";
import { OpenCodeSessionRoutes } from "./routes/session-routes.ts";
import { OpenCodeTuiRoutes } from "./routes/tui-routes.ts";
import { SessionRegistry } from "./session-registry.ts";
import type { RouteTable, Shared } from "./shared.ts";

export interface OpenCodeSetup {
  readonly agents: ReadonlyMap<string, AgentRow>;
  readonly context: LaunchContext;
  readonly observed: ObservedOptions;
  readonly sessions: SessionsPart;
  readonly limits: SandboxLimits;
  readonly options: OpenCodeOptions;
  /** When the server began, in milliseconds since the epoch. */
  readonly startedAt: number;
}

/** `/opencode/*`: the sessions of this server for OpenCode's clients. */
export function openCodeRoutes(setup: OpenCodeSetup): readonly Route[] {
  const { agents, context, observed, sessions, limits, options, startedAt } = setup;
  const { home, cwd } = context;
  const cwdOf = (directory: string | undefined) => sessions.resolveCwd(directory ?? options.directory ?? cwd);
  const shared: Shared = {
    config: new OpenCodeConfig(),
    maxJsonBytes: limits.maxJsonBytes,
    maxTuiBytes: limits.maxConfigBytes,
    heartbeatMs: limits.heartbeatMs,
    startedAt,
    home,
    state: options.state ?? join(home, ".local/state/opencode"),
    configDirectory: options.config ?? join(home, ".config/opencode"),
    cwdOf,
    placeOf: async (directory) => {
      // A client may ask about a directory that is gone; nothing is in it.
      return await cwdOf(directory).catch(() => directory ?? cwd);
    },
  };
  const hub = new Hub(sessions.sessions, limits.heartbeatMs);
  const catalog = new Catalog({ agents, context, observed });
  const desk = new SessionRegistry(sessions.sessions, hub, catalog);
  const table: RouteTable = {
    ...new OpenCodeSessionRoutes(desk, shared).routes(),
    ...new OpenCodeMessageRoutes(desk, shared).routes(),
    ...new OpenCodeAskRoutes(desk, shared).routes(),
    ...new OpenCodeProjectRoutes(catalog, hub, shared).routes(),
    ...new OpenCodeTuiRoutes(hub, shared).routes(),
  };
  const kind = { guarded: true, acceptsBasicAuth: true, sendError: sendWireError };
  const routes = Object.entries(table).map(([path, methods]) => ({ path, methods, ...kind }));
  return options.proxyUrl === undefined
    ? routes
    : [...routes, { ...forwardingRoute(options.proxyUrl), ...kind }];
}
