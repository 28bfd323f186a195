import { mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Logger, silentLogger, systemPorts } from "@holdfast/core";
import { makeSocketFolder, requireDataDirectory } from "@holdfast/gate";
import { createRegistry, type Registry } from "@holdfast/server";
import type { Identify } from "./access/person.ts";
import { createAdministration } from "./administration/administration.ts";
import { loadApprovalHooks } from "./approvals/approval-hooks.ts";
import { ApprovalNotifier } from "./approvals/approval-notifier.ts";
import { createActors } from "./backend/actors.ts";
import { StudioBackends } from "./backends.ts";
import { backupInto, copyInJail, requireRestored } from "./backup.ts";
import { loadBilling, paymentsConnection } from "./billing/load.ts";
import { createStudioClient } from "./client.ts";
import { servesTasks, withNodeName } from "./cluster/node-settings.ts";
import { OtherNodes } from "./cluster/other-nodes.ts";
import { openStore, requireStoreBackup } from "./cluster/studio-store.ts";
import { createHost } from "./composition/create-host.ts";
import { gatewayOptions } from "./composition/gateway-options.ts";
import { openGate } from "./composition/open-gate.ts";
import type { StudioParts } from "./composition/parts.ts";
import { createGateActors, servingGateState } from "./gate-state/actors.ts";
import { answerGateCall } from "./gate-state/gate-calls.ts";
import { LocalGate } from "./gate-state/local-gate.ts";
import { GroupInbox } from "./groups/group-inbox.ts";
import { GroupRegistry } from "./groups/group-registry.ts";
import { Logins } from "./http/logins.ts";
import { localUrl, requireOrigin } from "./http/served-hosts.ts";
import { studioLimits } from "./limits.ts";
import { setUpNotifications } from "./notifications/setup.ts";
import { loadPeople } from "./people/load-people.ts";
import type { Studio, StudioOptions } from "./studio.ts";
import { openMeter } from "./usage/open-meter.ts";

const builtWebDirectory = fileURLToPath(new URL("../dist/web", import.meta.url));

/**
 * Composes gate, store, actors, gateway and web app, resumes the work of the previous process, and starts to listen.
 *
 * Throws `gateway.port_in_use`, `store.locked` (another server uses the data directory), `jail.unsafe_not_allowed`,
 * `backup.unfinished` (a restore was interrupted). If jails are unavailable it starts anyway, reports that in its
 * system status, and rejects new tasks with `jail.unavailable`.
 */
export async function createStudio(given: StudioOptions): Promise<Studio> {
  const { cluster, ...rest } = given;
  const options = cluster === undefined ? rest : { ...rest, cluster: withNodeName(cluster) };
  const ports = systemPorts(options.log ?? silentLogger);
  const dataDirectory = requireDataDirectory(options.dataDirectory, "createStudio");
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  requireRestored(dataDirectory);
  const cleanup = new AsyncDisposableStack();
  try {
    // Open the store first: its lock keeps a second server out of everything below.
    const store = await openStore(options, dataDirectory, ports);
    cleanup.defer(() => store.actors.close());
    const backends = new StudioBackends();
    const groups = GroupRegistry.open(dataDirectory, ports.log);
    const approvalHooks = await loadApprovalHooks(dataDirectory);
    const inbox = new GroupInbox(groups, ports.log);
    const localGate = new LocalGate();
    const gate = await openGate({ options, dataDirectory, ports, inbox, backends, localGate, groups });
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
      backends,
      gate,
      localGate,
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

async function compose(parts: StudioParts): Promise<Studio> {
  const { options, ports, dataDirectory, store, backends, gate, inbox, approvalHooks, cleanup } = parts;
  const { cluster } = options;
  const others = new OtherNodes(() => registry.nodes);
  const meter = openMeter({ dataDirectory, ports, backend: backends.usage, gate });
  cleanup.defer(() => meter.close());
  const address = { own: "", origin: options.origin === undefined ? "" : requireOrigin(options.origin) };
  const origin = () => address.origin;
  const mailer = options.mail && (await (await import("./people/mail/mailer.ts")).createMailer(options.mail));
  const people = await loadPeople({
    ...{ ...parts, origin, mailer, nodes: () => others.running },
    removeFiles: (organization) => host.organizationFiles.remove(organization),
  });
  const billing = await loadBilling(parts, origin, people);
  const notifications = await setUpNotifications({
    ...{ ports, dataDirectory, vault: gate.vault, mailer, mail: options.mail, origin },
    pushKeys: (offered) => backends.pushKeys(offered),
    people,
  });
  const logins = createLogins(parts);
  const identify = firstOf(logins.identify, people?.identify ?? options.identify);
  const administration = createAdministration({
    ...{ gate, dataDirectory, ports, options },
    store: store.actors,
    mailer,
    signIn: people && { connections: people.connections, settings: people.signIn },
    payments: billing && paymentsConnection(billing, options.billing?.url),
  });
  const host = await createHost(parts, {
    ...{ others, identify, meter, administration, billing },
    notifications: notifications.sender,
  });
  const listenHost = options.host ?? "127.0.0.1";
  const registry: Registry<ReturnType<typeof createActors>> = createRegistry({
    use: {
      ...createActors(host),
      ...(cluster === undefined ? {} : createGateActors(ports, parts.localGate)),
      ...(people === undefined ? {} : people.actors),
    },
    store: () => store.actors,
    ports,
    ...(cluster === undefined
      ? {}
      : { cluster: servingGateState(people === undefined ? cluster : people.serving(cluster)) }),
    gateway: gatewayOptions({ ...parts, identify, ownUrl: () => address.own }, host, others, {
      ...{ logins, people, billing },
      webDirectory: options.webDirectory ?? builtWebDirectory,
    }),
  });
  backends.attach(registry.client, host.valueTokens);
  await people?.open();
  if (cluster === undefined) {
    cleanup.defer(() => registry.shutdown());
    cleanup.defer(() => people?.close());
    // While the actors can be called, and after what the agents have used.
    cleanup.defer(() => meter.flush());
    cleanup.defer(() => host.close());
  } else {
    // Actors that leave this node stop their runners in good order.
    cleanup.defer(() => host.close());
    cleanup.defer(() => registry.shutdown());
    // While the actors can be called.
    cleanup.defer(() => meter.flush());
    cleanup.defer(() => gate.leave());
    cleanup.defer(() => people?.close());
  }
  cleanup.defer(() => notifications.close());
  await gate.join();
  await meter.start();
  // Resume the active tasks before clients can add more.
  await recoverWork(parts);
  host.organizationFiles.beginSweep();
  if ((options.runTasks ?? true) === true && servesTasks(cluster)) await host.recoverEnvironments();
  await people?.resume();
  inbox.open(backends.acceptEvent);
  const notifier = new ApprovalNotifier({ gate, hooks: approvalHooks, log: ports.log });
  cleanup.defer(() => notifier.close());
  const { port } = await registry.listen({ port: options.port ?? 0, host: listenHost });
  address.own = localUrl(listenHost, port);
  if (address.origin === "") address.origin = address.own;
  const resources = cleanup.move();
  let closing: Promise<void> | undefined;
  return {
    url: address.own,
    port,
    dataDirectory,
    client: createStudioClient(registry.client),
    issueTicket: () => logins.issueTicket(),
    backup: async (directory) =>
      backupInto(requireStoreBackup(store), dataDirectory, resolve(directory), copyInJail(gate.jails)),
    gate: (call, args) => answerGateCall(gate, call, args),
    close() {
      closing ??= resources.disposeAsync();
      return closing;
    },
  };
}

async function recoverWork({ backends, groups, ports }: StudioParts): Promise<void> {
  await backends.recoverTasks(ports.log);
  await backends.recoverRepositories(ports.log);
  await backends.recoverGroups(
    groups.list().map(({ name }) => name),
    ports.log,
  );
}

function createLogins({ options, ports, dataDirectory, backends }: StudioParts): Logins {
  const { cluster } = options;
  return new Logins({
    backend: backends.access,
    now: () => ports.clock.now(),
    isSecure: options.origin?.startsWith("https:") === true,
    ...(cluster === undefined
      ? { identity: dataDirectory }
      : { identity: () => backends.identity(), cacheMs: studioLimits.loginCacheMs }),
  });
}

/** The operator with a login, or else the person of the option. */
function firstOf(login: Identify, person: Identify | undefined): Identify {
  if (person === undefined) return login;
  return async (request) => (await login(request)) ?? (await person(request));
}
