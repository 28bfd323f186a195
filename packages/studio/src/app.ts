import { mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Logger, type Ports, silentLogger, systemPorts } from "@holdfast/core";
import { createGate, type Gate, makeSocketFolder, requireDataDirectory } from "@holdfast/gate";
import { pluginsDirectory } from "@holdfast/plugins";
import { inspectorDirectory } from "@holdfast/sandbox-ui";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore, type SqliteStore } from "@holdfast/store-sqlite";
import { AgentCatalogue } from "./agents.ts";
import { type ApprovalHook, loadApprovalHooks } from "./approvals/approval-hooks.ts";
import { ApprovalNotifier } from "./approvals/approval-notifier.ts";
import { createActors } from "./backend/actors.ts";
import { StudioBackends } from "./backends.ts";
import { backupInto, copyInJail, requireRestored, storeFolder } from "./backup.ts";
import { createStudioClient } from "./client.ts";
import { createGit } from "./git/git.ts";
import { GroupInbox } from "./groups/group-inbox.ts";
import { GroupRegistry } from "./groups/group-registry.ts";
import { StudioHost } from "./host.ts";
import { Access } from "./http/access.ts";
import { createApprovalWebhook } from "./http/approval-webhook.ts";
import { createRoutes } from "./http/routes.ts";
import { createSandboxUpgrade } from "./http/sandbox-upgrade.ts";
import { allowedHosts, localUrl } from "./http/served-hosts.ts";
import { createWebhookRoute } from "./http/webhooks.ts";
import { loadGuestBundle } from "./jail/bundle.ts";
import { studioLimits } from "./limits.ts";
import { sampleRepository } from "./sample/sample.ts";
import { systemStatus } from "./status.ts";
import type { Studio, StudioOptions } from "./studio.ts";

/**
 * Composes gate, store, actors, gateway and web app, resumes the work of the previous process, and starts to listen.
 *
 * Throws `gateway.port_in_use`, `store.locked` (another server uses the data directory), `jail.unsafe_not_allowed`,
 * `backup.unfinished` (a restore was interrupted). If jails are unavailable it starts anyway, reports that in its
 * system status, and rejects new tasks with `jail.unavailable`.
 */
export async function createStudio(options: StudioOptions): Promise<Studio> {
  const ports = systemPorts(options.log ?? silentLogger);
  const dataDirectory = requireDataDirectory(options.dataDirectory, "createStudio");
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  requireRestored(dataDirectory);
  const cleanup = new AsyncDisposableStack();
  try {
    // Open the store first: its lock keeps a second server out of everything below.
    const store = await openSqliteStore({ path: join(dataDirectory, storeFolder), ports });
    cleanup.defer(() => store.close());
    const groups = GroupRegistry.open(dataDirectory, ports.log);
    const approvalHooks = await loadApprovalHooks(dataDirectory);
    const inbox = new GroupInbox(groups, ports.log);
    const gate = await openGate(options, dataDirectory, ports, inbox);
    cleanup.defer(() => gate.close());
    const run = await makeSocketFolder(join(dataDirectory, "run"));
    cleanup.defer(() => run.remove());
    cleanup.defer(() => inbox.close());
    const snapshotDirectory = await clearSnapshots(dataDirectory, ports.log);
    return await compose({
      options,
      ports,
      dataDirectory,
      store,
      gate,
      groups,
      inbox,
      approvalHooks,
      runDirectory: run.path,
      snapshotDirectory,
      cleanup,
    });
  } catch (error) {
    await cleanup.disposeAsync();
    throw error;
  }
}

/** Empties the folder for snapshots. Leftovers of a killed process can be as large as its changes. */
async function clearSnapshots(dataDirectory: string, log: Logger): Promise<string> {
  const directory = join(dataDirectory, "snapshots");
  await rm(directory, { recursive: true, force: true }).catch((error: unknown) =>
    log.warn("could not remove leftover snapshots", { directory, error }),
  );
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return directory;
}

interface StudioParts {
  readonly options: StudioOptions;
  readonly ports: Ports;
  readonly dataDirectory: string;
  readonly store: SqliteStore;
  readonly gate: Gate;
  readonly groups: GroupRegistry;
  readonly inbox: GroupInbox;
  readonly approvalHooks: readonly ApprovalHook[];
  readonly runDirectory: string;
  readonly snapshotDirectory: string;
  readonly cleanup: AsyncDisposableStack;
}

async function compose(parts: StudioParts): Promise<Studio> {
  const { options, ports, dataDirectory, store, gate, groups, inbox, approvalHooks, cleanup } = parts;
  const backends = new StudioBackends();
  const host = createHost(parts, backends);
  const sandbox = (taskId: string) => host.sandbox(taskId);
  const access = new Access(backends.access, dataDirectory, () => ports.clock.now());
  const token = (options.environment ?? process.env)["HOLDFAST_INSPECTOR_TOKEN"];
  const listenHost = options.host ?? "127.0.0.1";
  const registry = createRegistry({
    use: createActors(host),
    store: () => store,
    ports,
    gateway: {
      hosts: allowedHosts(listenHost),
      access: access.authorizeAction,
      manage: access.authorizeManagement,
      ...(token === undefined || token === "" ? {} : { inspector: { token } }),
      fallbackUpgrade: createSandboxUpgrade({ access: access, sandbox, log: ports.log }),
      fallback: createRoutes({
        access: access,
        sandbox,
        inspectorDirectory: inspectorDirectory(),
        webDirectory: options.webDirectory ?? fileURLToPath(new URL("../dist/web", import.meta.url)),
        webhook: createWebhookRoute({ inbox, vault: gate.vault, random: ports.random }),
        approvalWebhook: createApprovalWebhook(gate, approvalHooks),
        log: ports.log,
      }),
    },
  });
  backends.attach(registry.client, host.handover);
  cleanup.defer(() => registry.shutdown());
  cleanup.defer(() => host.close());
  // Resume the active tasks before clients can add more.
  await backends.recoverTasks(ports.log);
  await backends.recoverGroups(
    groups.list().map(({ name }) => name),
    ports.log,
  );
  inbox.open(backends.acceptEvent);
  const notifier = new ApprovalNotifier({ gate, hooks: approvalHooks, log: ports.log });
  cleanup.defer(() => notifier.close());
  const { port } = await registry.listen({ port: options.port ?? 0, host: listenHost });
  const resources = cleanup.move();
  let closing: Promise<void> | undefined;
  return {
    url: localUrl(listenHost, port),
    port,
    dataDirectory,
    client: createStudioClient(registry.client),
    issueTicket: () => access.issueTicket(),
    backup: (directory) => backupInto(store, dataDirectory, resolve(directory), copyInJail(gate.jails)),
    close() {
      closing ??= resources.disposeAsync();
      return closing;
    },
  };
}

function createHost(parts: StudioParts, backends: StudioBackends): StudioHost {
  const { options, ports, dataDirectory, gate, groups, runDirectory, snapshotDirectory } = parts;
  const git = createGit(join(dataDirectory, "git"));
  const catalogue = new AgentCatalogue({
    agentsDirectory: resolve(options.agentsDirectory ?? join(dataDirectory, "agents")),
    customAgents: options.customAgents ?? [],
    environment: options.environment ?? process.env,
    vault: gate.vault,
    dataDirectory,
  });
  const startedAt = ports.clock.now();
  const bundle = memoize(() => loadGuestBundle(join(dataDirectory, "guest")));
  const status = { gate, git, catalogue, dataDirectory, startedAt };
  return new StudioHost({
    ports,
    gate,
    git,
    catalogue,
    limits: { ...studioLimits, ...options.limits },
    dataDirectory,
    runDirectory,
    snapshotDirectory,
    bundle,
    sample: memoize(() => sampleRepository(git, dataDirectory)),
    system: (tasks) => systemStatus(status, tasks),
    runTasks: options.runTasks ?? true,
    task: (taskId) => backends.task(taskId),
    session: (sessionId) => backends.session(sessionId),
    groups,
  });
}

async function openGate(
  options: StudioOptions,
  dataDirectory: string,
  ports: Ports,
  inbox: GroupInbox,
): Promise<Gate> {
  const unsafe = options.unsafeNoJail === true;
  const gate = await createGate({
    dataDir: dataDirectory,
    jails: unsafe ? { driver: "none", allowUnsafe: true } : { ...options.jails, whenUnavailable: "refuse" },
    vault: { env: options.environment ?? process.env, ...options.vault },
    plugins: { builtInDirectory: pluginsDirectory, onEvent: inbox.acceptFromPlugin },
    log: ports.log,
  });
  const { name, refusal } = gate.jails.driver;
  // Read-only commands need no jail, and a command that starts one task gets this as the task's error.
  if (refusal !== undefined && (options.runTasks ?? true) === true)
    ports.log.warn("agents cannot start because jails are unavailable", {
      driver: name,
      reason: refusal.message,
    });
  return gate;
}

/** Memoizes `create`. A failure is not cached, so the next call tries again. */
function memoize<Value>(create: () => Promise<Value>): () => Promise<Value> {
  let cached: Promise<Value> | undefined;
  return () => {
    cached ??= create().catch((error: unknown) => {
      cached = undefined;
      throw error;
    });
    return cached;
  };
}
