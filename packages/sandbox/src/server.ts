import { randomBytes } from "node:crypto";
import type { Server } from "node:http";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { HoldfastError, type Logger, silentLogger } from "@holdfast/core";
import { inspectorDirectory } from "@holdfast/sandbox-ui";
import { AcpInstances } from "./acp/instances.ts";
import { AcpRoutes } from "./acp/routes.ts";
import { ObservedOptions } from "./agents/config-options.ts";
import { AgentInstaller } from "./agents/installer.ts";
import { type LaunchContext, prepareLaunch } from "./agents/launch.ts";
import { sandboxAgents } from "./agents/table.ts";
import type { ConfigPart } from "./config/setup.ts";
import type { Dialler } from "./dial.ts";
import { Paths } from "./fs/paths.ts";
import { Guard } from "./http/guard.ts";
import { metaRoutes } from "./http/meta-routes.ts";
import { Metrics } from "./http/metrics.ts";
import { type LateRoutes, Router } from "./http/router.ts";
import type { CommandLimits } from "./internal/command-limits.ts";
import { bindUnix, listenTcp } from "./internal/listen.ts";
import { Mounts } from "./internal/mounts.ts";
import { createServer } from "./internal/node-http.ts";
import { Spawner } from "./internal/spawner.ts";
import { limitsWith, type SandboxLimits } from "./limits.ts";
import type { SandboxServer, SandboxServerOptions } from "./options.ts";
import { createProcesses } from "./processes/processes.ts";
import { createSessions } from "./sessions/setup.ts";
import { uiRoutes } from "./ui/routes.ts";

/** How long handlers whose client was cut off may take to end. */
const handlerPatienceMs = 2_000;
const loopback = ["localhost", "127.0.0.1", "::1"];

/**
 * Starts a sandbox server; resolves when it can be reached (in dial mode: when the host has taken a
 * connection). Throws `sandbox.remote_not_allowed` for a host that is not loopback without
 * `allowRemote`, and `sandbox.address_in_use` when something else listens there.
 */
export async function createSandboxServer(options: SandboxServerOptions): Promise<SandboxServer> {
  const log = options.log ?? silentLogger;
  const limits = limitsWith(options.limits);
  const token = tokenFor(options);
  const { router, start, stop } = await compose(options, token, limits, log);
  const server = createServer(
    { keepAlive: true, shouldUpgradeCallback: (request) => router.takesUpgrade(request) },
    (request, response) => void router.handle(request, response),
  );
  server.on("upgrade", (request, socket, head) => void router.upgrade(request, socket, head));
  server.on("connection", (socket) => socket.setNoDelay(true));
  // A body may be as long as it likes; what is bounded is how long headers take on a shared port.
  server.requestTimeout = 0;
  let url: string | undefined;
  let dialler: Dialler | undefined;
  try {
    if ("dial" in options.listen) {
      server.headersTimeout = 0;
      server.keepAliveTimeout = 0;
      const { Dialler: Connections } = await import("./dial.ts");
      const { dial, signal } = options.listen;
      dialler = new Connections(server, dial, log);
      await dialler.start(signal);
    } else if ("unix" in options.listen) {
      await bindUnix(server, options.listen.unix);
    } else {
      url = await listenTcp(server, options.listen);
    }
    start();
  } catch (error) {
    await closeAll(server, router, dialler, stop);
    throw error;
  }
  let closing: Promise<void> | undefined;
  return {
    ...(url === undefined ? {} : { url }),
    ...(token === undefined ? {} : { token }),
    close: () => (closing ??= closeAll(server, router, dialler, stop)),
  };
}

function tokenFor(options: SandboxServerOptions): string | undefined {
  if (options.token !== undefined) {
    if (options.token === "")
      throw new HoldfastError("sandbox", "empty_token", "The token must not be empty");
    return options.token;
  }
  return "port" in options.listen && !options.unsafeNoToken
    ? randomBytes(24).toString("base64url")
    : undefined;
}

/** Everything behind the listener; exported for the check of the routes against the OpenAPI document. */
export async function compose(
  options: SandboxServerOptions,
  token: string | undefined,
  limits: SandboxLimits,
  log: Logger,
): Promise<{ readonly router: Router; readonly start: () => void; readonly stop: () => Promise<void> }> {
  // Agents and commands start elsewhere, where a relative path would be another one.
  const home = resolve(options.home ?? process.env.HOME ?? homedir());
  const env = baseEnv(home, options.env ?? {});
  const mounts = new Mounts();
  const paths = await Paths.create(options.root, home, mounts);
  const root = options.root === undefined ? undefined : resolve(options.root);
  const cwd = resolve(options.cwd ?? root ?? "");
  const context: LaunchContext = {
    home,
    cwd,
    env,
    mounts,
    models: options.models ?? {},
    jailed: options.jailed ?? false,
    ownsHome: options.home !== undefined,
    agentsDirectory: resolve(options.agentsDirectory ?? join(home, ".local/share/holdfast/agents")),
  };
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
  const instances = new AcpInstances({
    agents,
    prepare: (row) => prepareLaunch(row, { ...context, ...installMissing }),
    onSessionStart: async (start) => await (await config()).onSessionStart(start),
    onSessionAnswer: (agent, answer) => observed.observe(agent, answer),
    spawner,
    limits,
    log,
  });
  const confined = options.root !== undefined;
  const { dataDirectory } = options;
  const processes = await createProcesses({ spawner, paths, limits, cwd, env, confined, log, dataDirectory });
  const sessions = createSessions({
    ...{ instances, limits, log, mounts, paths, cwd, home, confined, dataDirectory },
    policy: options.permissionPolicy,
  });
  const startedAt = Date.now();
  const late: readonly LateRoutes[] = [
    { prefix: "/v1/config", load: async () => (await config()).routes },
    {
      prefix: "/v1/fs",
      load: async () => new (await import("./fs/routes.ts")).FsRoutes(paths, limits).routes(),
    },
    {
      prefix: "/v1/agents",
      load: async () => {
        const { AgentRoutes } = await import("./agents/routes.ts");
        const setup = { agents, context, instances, installer, observed, spawner, limits };
        return new AgentRoutes(setup).routes();
      },
    },
    {
      prefix: "/opencode",
      load: async () => {
        const { openCodeRoutes } = await import("./opencode/setup.ts");
        const setup = { agents, context, observed, sessions, limits, startedAt };
        return openCodeRoutes({ ...setup, options: options.opencode ?? {} });
      },
    },
  ];
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
    await processes.close();
    sessions.stopPrompts();
    await instances.close();
    sessions.close();
    await spawner.close();
    await processes.finish();
    await installs;
  };
  return {
    router: new Router(routes, {
      guard: guardFor(options, token),
      log,
      metrics,
      logRequests: options.logRequests ?? false,
      late,
    }),
    start: () => sessions.start(),
    stop,
  };
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

/** The whole environment that agents and processes get from here: nothing else is inherited. */
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

async function closeAll(
  server: Server,
  router: Router,
  dialler: Dialler | undefined,
  stop: () => Promise<void>,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // Agents end first, so that their streams tell how; then nothing is left to wait for.
  await stop();
  await router.close();
  dialler?.stop();
  server.closeAllConnections();
  // Whoever was cut off puts away what was half made: temporary files, for one.
  await router.idle(handlerPatienceMs);
  if (!dialler) await closed;
}
