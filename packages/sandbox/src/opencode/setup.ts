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
import type { RouteContext, RouteTable } from "./route-context.ts";
import { sendWireError } from "./routes/errors.ts";
import { OpenCodeMessageRoutes } from "./routes/message-routes.ts";
import { OpenCodePermissionRoutes } from "./routes/permission-routes.ts";
import { OpenCodeProjectRoutes } from "./routes/project-routes.ts";
import { proxyRoute } from "./routes/proxy.ts";
import { OpenCodeSessionRoutes } from "./routes/session-routes.ts";
import { OpenCodeTuiRoutes } from "./routes/tui-routes.ts";
import { SessionRegistry } from "./session-registry.ts";

export interface OpenCodeSetup {
  readonly agents: ReadonlyMap<string, AgentRow>;
  readonly context: LaunchContext;
  readonly observed: ObservedOptions;
  readonly sessions: SessionsPart;
  readonly limits: SandboxLimits;
  readonly options: OpenCodeOptions;
  /** Start time of the server, in milliseconds since the epoch. */
  readonly startedAt: number;
}

/** Creates the routes `/opencode/*`, which present the sessions of this server to OpenCode's clients. */
export function openCodeRoutes(setup: OpenCodeSetup): readonly Route[] {
  const { agents, context, observed, sessions, limits, options, startedAt } = setup;
  const { home, cwd } = context;
  const resolveCwd = (directory: string | undefined) =>
    sessions.resolveCwd(directory ?? options.directory ?? cwd);
  const routeContext: RouteContext = {
    config: new OpenCodeConfig(),
    maxJsonBytes: limits.maxJsonBytes,
    maxTuiBytes: limits.maxConfigBytes,
    heartbeatMs: limits.heartbeatMs,
    startedAt,
    home,
    state: options.state ?? join(home, ".local/state/opencode"),
    configDirectory: options.config ?? join(home, ".config/opencode"),
    resolveCwd: resolveCwd,
    resolveDirectory: async (directory) => {
      // A client may name a directory that no longer exists, which has no sessions.
      return await resolveCwd(directory).catch(() => directory ?? cwd);
    },
  };
  const hub = new Hub(sessions.sessions, limits.heartbeatMs);
  const catalog = new Catalog({ agents, context, observed });
  const registry = new SessionRegistry(sessions.sessions, hub, catalog);
  const table: RouteTable = {
    ...new OpenCodeSessionRoutes(registry, routeContext).routes(),
    ...new OpenCodeMessageRoutes(registry, routeContext).routes(),
    ...new OpenCodePermissionRoutes(registry, routeContext).routes(),
    ...new OpenCodeProjectRoutes(catalog, hub, routeContext).routes(),
    ...new OpenCodeTuiRoutes(hub, routeContext).routes(),
  };
  const routeOptions = { guarded: true, acceptsBasicAuth: true, sendError: sendWireError };
  const routes = Object.entries(table).map(([path, methods]) => ({ path, methods, ...routeOptions }));
  return options.proxyUrl === undefined
    ? routes
    : [...routes, { ...proxyRoute(options.proxyUrl), ...routeOptions }];
}
