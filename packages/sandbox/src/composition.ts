import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { Logger } from "@holdfast/core";
import { inspectorDirectory } from "@holdfast/sandbox-ui";
import { AcpInstances } from "./acp/instances.ts";
import { AcpRoutes } from "./acp/routes.ts";
import { ObservedOptions } from "./agents/config-options.ts";
import { AgentInstaller } from "./agents/installer.ts";
import { type LaunchContext, prepareLaunch } from "./agents/launch.ts";
import type { AgentRoutesOptions } from "./agents/routes.ts";
import { sandboxAgents } from "./agents/table.ts";
import { ClientMcp } from "./client-mcp/client-mcp.ts";
import type { ConfigPart } from "./config/setup.ts";
import { desktopSockets, LazyDesktop } from "./desktop/lazy-desktop.ts";
import type { DesktopPart } from "./desktop/setup.ts";
import { Paths } from "./fs/paths/paths.ts";
import { Guard } from "./http/guard.ts";
import { metaRoutes } from "./http/meta-routes.ts";
import { Metrics } from "./http/metrics.ts";
import { type LazyRoutes, Router } from "./http/router.ts";
import { Mounts } from "./internal/mounts/mounts.ts";
import type { CommandLimits } from "./internal/spawn/command-limits.ts";
import { Spawner } from "./internal/spawn/spawner.ts";
import type { SandboxLimits } from "./limits.ts";
import type { OpenCodeOptions } from "./opencode/options.ts";
import type { SandboxServerOptions } from "./options.ts";
import { createProcesses } from "./processes/processes.ts";
import { createSessions, type SessionsPart } from "./sessions/setup.ts";
import { uiRoutes } from "./ui/routes.ts";

const loopback = ["localhost", "127.0.0.1", "::1"];

/** Composition of a server: creates its parts, connects them and returns the router. */
export async function compose(
  options: SandboxServerOptions,
  token: string | undefined,
  limits: SandboxLimits,
  log: Logger,
): Promise<{ readonly router: Router; readonly start: () => void; readonly stop: () => Promise<void> }> {
  // Make the path absolute, because agents and commands start in other directories.
  const home = resolve(options.home ?? process.env.HOME ?? homedir());
  const env = baseEnv(home, options.env ?? {});
  const mounts = new Mounts();
  const paths = await Paths.create(options.root, home, mounts);
  const root = options.root === undefined ? undefined : resolve(options.root);
  const cwd = resolve(options.cwd ?? root ?? "");
  const { dataDirectory } = options;
  const desktop = new LazyDesktop({
    ...{ cwd, env, root, home, dataDirectory, limits, log },
    jailed: options.jailed ?? false,
    browserNetwork: options.desktop ?? {},
  });
  // What starts while the desktop is active can reach it.
  const currentEnv = () => ({ ...env, ...desktop.env });
  const context = launchContext(options, { home, cwd, mounts, currentEnv });
  const installer = new AgentInstaller(context, log);
  const installMissing = options.installAgents ? { installMissing: installer.install.bind(installer) } : {};
  const observed = new ObservedOptions();
  const agents = new Map((options.agents ?? sandboxAgents()).map((row) => [row.id, row]));
  let configPart: Promise<ConfigPart> | undefined;
  const config = () =>
    (configPart ??= import("./config/setup.ts").then(({ createConfig }) =>
      createConfig({ mounts, paths, agents, env, home, cwd, root, limits, log }),
    ));
  const spawner = new Spawner(log, { mounts, limits: commandLimits(options, limits) });
  if (options.preparesCommands === true) spawner.prepare();
  const clientMcp = new ClientMcp(limits, log);
  const instances = new AcpInstances({
    agents,
    prepare: (row) => prepareLaunch(row, { ...context, ...installMissing }),
    onSessionStart: async (start) => {
      const mcpServers = await clientMcp.serversFor(start);
      return await (await config()).onSessionStart({ ...start, mcpServers });
    },
    ...clientMcp.hooks,
    onSessionAnswer: (agent, answer) => observed.observe(agent, answer),
    spawner,
    limits,
    log,
  });
  const confined = options.root !== undefined;
  const processes = await createProcesses({
    ...{ spawner, paths, limits, cwd, confined, log, dataDirectory },
    env: currentEnv,
  });
  const sessions = createSessions({
    ...{ instances, limits, log, mounts, paths, cwd, home, confined, dataDirectory },
    policy: options.permissionPolicy,
  });
  const metrics = new Metrics();
  const routes = [
    ...metaRoutes(metrics),
    ...uiRoutes(inspectorDirectory()),
    ...new AcpRoutes(instances, limits).routes(),
    ...sessions.routes,
    ...processes.routes,
  ] satisfies ConstructorParameters<typeof Router>[0];
  const stop = async () => {
    const installs = installer.close();
    await desktop.close();
    await processes.close();
    sessions.stopPrompts();
    await instances.close();
    await clientMcp.close();
    await sessions.close();
    await spawner.close();
    await processes.finish();
    await installs;
  };
  return {
    router: new Router(routes, {
      guard: guardFor(options, token),
      log,
      metrics,
      ...requestLog(options),
      lazyRoutes: lazyRoutes({
        ...{ agents, config, context, instances, installer, observed },
        ...{ paths, sessions, spawner, limits },
        desktop: () => desktop.load(processes.table),
        openCode: options.opencode ?? {},
      }),
    }),
    start: () => sessions.start(),
    stop,
  };
}

function launchContext(
  options: SandboxServerOptions,
  parts: Pick<LaunchContext, "home" | "cwd" | "mounts"> & { readonly currentEnv: () => LaunchContext["env"] },
): LaunchContext {
  const { home, cwd, mounts, currentEnv } = parts;
  return {
    ...{ home, cwd, mounts },
    get env() {
      return currentEnv();
    },
    models: options.models ?? {},
    jailed: options.jailed ?? false,
    ownsHome: options.home !== undefined,
    agentsDirectory: resolve(options.agentsDirectory ?? join(home, ".local/share/holdfast/agents")),
  };
}

/** Dependencies of the routes that are loaded on demand. */
interface LazyRouteDependencies extends AgentRoutesOptions {
  readonly config: () => Promise<ConfigPart>;
  readonly desktop: () => Promise<DesktopPart>;
  readonly paths: Paths;
  readonly sessions: SessionsPart;
  readonly openCode: OpenCodeOptions;
}

function lazyRoutes(parts: LazyRouteDependencies): readonly LazyRoutes[] {
  const { agents, config, context, desktop, limits, observed, openCode, paths, sessions } = parts;
  const startedAt = Date.now();
  return [
    { prefix: "/v1/config", load: async () => (await config()).routes },
    { prefix: "/v1/desktop", sockets: desktopSockets, load: async () => (await desktop()).routes },
    {
      prefix: "/v1/fs",
      load: async () => new (await import("./fs/routes.ts")).FsRoutes(paths, limits).routes(),
    },
    {
      prefix: "/v1/agents",
      load: async () => new (await import("./agents/routes.ts")).AgentRoutes(parts).routes(),
    },
    {
      prefix: "/opencode",
      load: async () => {
        const { openCodeRoutes } = await import("./opencode/setup.ts");
        return openCodeRoutes({ agents, context, observed, sessions, limits, startedAt, options: openCode });
      },
    },
  ];
}

function requestLog({ logRequests = false, logHeaders = false }: SandboxServerOptions) {
  return { logRequests, logHeaders };
}

function commandLimits(options: SandboxServerOptions, limits: SandboxLimits): CommandLimits {
  return {
    maxTasks: limits.maxCommandTasks,
    maxMemoryBytes: limits.maxCommandMemoryBytes,
    ofUser: options.limits?.maxCommandTasks !== undefined,
  };
}

function guardFor(options: SandboxServerOptions, token: string | undefined): Guard {
  const { listen, cors, allowedOrigins = [], allowedHosts = [] } = options;
  return new Guard({
    cors: { ...cors, origins: [...allowedOrigins, ...(cors?.origins ?? [])] },
    ...(token === undefined ? {} : { token }),
    ...("port" in listen ? { hosts: hostsFor(listen.host, allowedHosts) } : {}),
  });
}

/** The complete base environment of agents and processes. Nothing else is inherited. */
function baseEnv(home: string, configured: Readonly<Record<string, string>>): Record<string, string> {
  const { PATH, LANG } = process.env;
  return {
    PATH: PATH ?? "/usr/local/bin:/usr/bin:/bin",
    HOME: home,
    ...(LANG === undefined ? {} : { LANG }),
    ...configured,
  };
}

function hostsFor(host: string, allowed: readonly string[]): string[] {
  return [...loopback, ...(host === "0.0.0.0" || host === "::" ? [] : [host]), ...allowed];
}
