import { mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Logger, type Ports, silentLogger, systemPorts, uuidv4 } from "@holdfast/core";
import { createGate, type Gate, makeSocketFolder, requireDataDirectory } from "@holdfast/gate";
import { pluginsDirectory } from "@holdfast/plugins";
import { inspectorDirectory } from "@holdfast/sandbox-ui";
import { createRegistry, type GatewayOptions, type Registry } from "@holdfast/server";
import { Guard } from "./access/guard.ts";
import type { Identify } from "./access/person.ts";
import type { PersonRecord } from "./access/person-log.ts";
import { type Administration, createAdministration } from "./administration/administration.ts";
import { AgentCatalogue } from "./agents.ts";
import { type ApprovalHook, loadApprovalHooks } from "./approvals/approval-hooks.ts";
import { ApprovalNotifier } from "./approvals/approval-notifier.ts";
import { Attachments } from "./attachments/attachments.ts";
import { createActors } from "./backend/actors.ts";
import type { BillingPort } from "./backend/billing/state.ts";
import type { NotificationPort } from "./backend/notifications/port.ts";
import { LocalValueTokens } from "./backend/value-tokens.ts";
import { StudioBackends } from "./backends.ts";
import { backupInto, copyInJail, requireRestored } from "./backup.ts";
import { loadBilling, paymentsConnection } from "./billing/load.ts";
import { createStudioClient } from "./client.ts";
import { clusterKeys } from "./cluster/cluster-key.ts";
import { ClusterEnvironments } from "./cluster/environments.ts";
import { servesTasks, withNodeName } from "./cluster/node-settings.ts";
import { OtherNodes } from "./cluster/other-nodes.ts";
import { placeIdOf } from "./cluster/place.ts";
import { Repositories } from "./cluster/repositories.ts";
import { SealedValueTokens } from "./cluster/sealed-value-tokens.ts";
import { openStore, requireStoreBackup, type StudioStore } from "./cluster/studio-store.ts";
import { Environments } from "./environments/environments.ts";
import { createGateActors, servingGateState } from "./gate-state/actors.ts";
import { answerGateCall } from "./gate-state/gate-calls.ts";
import { LocalGate } from "./gate-state/local-gate.ts";
import { createSharedGate } from "./gate-state/shared-gate.ts";
import { createGit } from "./git/git.ts";
import { GroupInbox } from "./groups/group-inbox.ts";
import { GroupRegistry } from "./groups/group-registry.ts";
import { StudioHost } from "./host.ts";
import { createApprovalWebhook } from "./http/approval-webhook.ts";
import { createBillingWebhook } from "./http/billing-webhook.ts";
import { createForgeWebhook } from "./http/forge-webhook.ts";
import { Logins } from "./http/logins.ts";
import { createNodeRoutes } from "./http/node-routes.ts";
import { createNotificationAnswer } from "./http/notification-answer.ts";
import { createRoutes } from "./http/routes.ts";
import { createSandboxUpgrade } from "./http/sandbox-upgrade.ts";
import { allowedHosts, localUrl, requireOrigin } from "./http/served-hosts.ts";
import { createWebhookRoute } from "./http/webhooks.ts";
import { loadGuestBundle } from "./jail/bundle.ts";
import { studioLimits } from "./limits.ts";
import { setUpNotifications } from "./notifications/setup.ts";
import { loadPeople } from "./people/load-people.ts";
import type { PeopleSetup } from "./people/setup.ts";
import { PreviewHosts } from "./previews/preview-hosts.ts";
import { Previews } from "./previews/previews.ts";
import { Connections } from "./remotes/connections.ts";
import { Mirrors } from "./remotes/mirrors.ts";
import type { Remote } from "./remotes/remote-git.ts";
import { sampleRepository } from "./sample/sample.ts";
import { systemStatus } from "./status.ts";
import type { Studio, StudioOptions } from "./studio.ts";
import type { UsageMeter } from "./usage/meter.ts";
import { openMeter } from "./usage/open-meter.ts";

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

interface StudioParts {
  readonly options: StudioOptions;
  readonly ports: Ports;
  readonly dataDirectory: string;
  readonly store: StudioStore;
  readonly backends: StudioBackends;
  readonly gate: Gate;
  /** Leads the actors to the gate. */
  readonly localGate: LocalGate;
  readonly groups: GroupRegistry;
  readonly inbox: GroupInbox;
  readonly approvalHooks: readonly ApprovalHook[];
  readonly runDirectory: string;
  readonly snapshotDirectory: string;
  readonly cleanup: AsyncDisposableStack;
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
    ...{ ...parts, origin, mailer },
    removeFiles: (organization) => host.removeOrganization(organization),
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
      logins,
      people,
      billing,
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

interface ServedParts {
  readonly logins: Logins;
  readonly people: PeopleSetup | undefined;
  readonly billing: BillingPort | undefined;
}

function gatewayOptions(
  parts: StudioParts & { readonly identify: Identify; readonly ownUrl: () => string },
  host: StudioHost,
  others: OtherNodes,
  { logins, people, billing }: ServedParts,
): GatewayOptions {
  const { options, ports, gate, inbox, approvalHooks } = parts;
  const token = (options.environment ?? process.env)["HOLDFAST_INSPECTOR_TOKEN"];
  const record = people === undefined ? undefined : (entry: PersonRecord) => gate.audit.note(entry);
  const guard = new Guard(parts.identify, people?.changes, record);
  const sandbox = (taskId: string) => others.sandbox(taskId) ?? host.sandbox(taskId);
  const previewHosts = new PreviewHosts(options.previewOrigin, options.origin);
  const previews = new Previews({ hosts: previewHosts, sandbox, now: () => ports.clock.now() });
  const nodeRoutes = createNodeRoutes({
    sandbox: (taskId) => host.sandbox(taskId),
    repositories: host.repositories,
    environments: host.environments,
    agents: () => host.listAgents(),
    log: ports.log,
  });
  return {
    nodeFallback: nodeRoutes.request,
    nodeFallbackUpgrade: nodeRoutes.upgrade,
    hosts: [
      ...allowedHosts(options.host ?? "127.0.0.1"),
      ...(options.origin === undefined ? [] : [new URL(options.origin).hostname]),
    ],
    // Loaded by whoever reads the document.
    openApi: async (document) => {
      const [{ loadApiDescription }, { studioOpenApi }] = await Promise.all([
        import("./api/description.ts"),
        import("./api/openapi.ts"),
      ]);
      return studioOpenApi(document, await loadApiDescription());
    },
    access: guard.authorizeAction,
    manage: guard.authorizeManagement,
    ...(token === undefined || token === "" ? {} : { inspector: { token } }),
    ...(options.cluster === undefined ? {} : { maxIncomingMessageBytes: studioLimits.maxNodeMessageBytes }),
    otherSite: previews,
    fallbackUpgrade: createSandboxUpgrade({
      ...{ guard, sandbox, log: ports.log },
      failedStep: (environment) => host.environments.failedStep(environment),
    }),
    fallback: createRoutes({
      guard,
      logins,
      ...{ sandbox, previews, frameSource: previewHosts.frameSource },
      openFailedStep: (environment) => host.environments.openTerminal(environment),
      inspectorDirectory: inspectorDirectory(),
      webDirectory: options.webDirectory ?? fileURLToPath(new URL("../dist/web", import.meta.url)),
      forgeWebhook: createForgeWebhook(parts.backends.repositories, gate.vault),
      ...(billing && { billingWebhook: createBillingWebhook(billing, parts.backends.billing.take) }),
      webhook: createWebhookRoute({ inbox, vault: gate.vault, random: ports.random }),
      approvalWebhook: createApprovalWebhook(gate, approvalHooks),
      attachments: host.attachments,
      notificationAnswer: createNotificationAnswer((token, isAllowed) =>
        parts.backends.answerApproval(token, isAllowed),
      ),
      ...(people === undefined ? {} : { people: people.routes, sendsMail: people.sendsMail }),
      ...(options.demoTeam === undefined ? {} : { demoTeam: options.demoTeam }),
      // The SDK takes memory that most servers do not need.
      mcp: async (call) => (await import("./mcp/http.ts")).answerMcp(call, parts.ownUrl),
      recordSignIn: (record) => gate.audit.note(record),
      log: ports.log,
    }),
  };
}

/** The operator with a login, or else the person of the option. */
function firstOf(login: Identify, person: Identify | undefined): Identify {
  if (person === undefined) return login;
  return async (request) => (await login(request)) ?? (await person(request));
}

interface HostParts {
  readonly administration: Administration;
  readonly others: OtherNodes;
  readonly identify: Identify;
  readonly meter: UsageMeter;
  readonly notifications: NotificationPort;
  readonly billing: BillingPort | undefined;
}

async function createHost(
  parts: StudioParts,
  { others, identify, meter, administration, notifications, billing }: HostParts,
): Promise<StudioHost> {
  const { options, ports, dataDirectory, backends, gate, groups, runDirectory, snapshotDirectory } = parts;
  const { cluster } = options;
  const git = createGit(join(dataDirectory, "git"), ports.log);
  parts.cleanup.defer(() => git.close());
  const catalogue = new AgentCatalogue({
    agentsDirectory: resolve(options.agentsDirectory ?? join(dataDirectory, "agents")),
    customAgents: options.customAgents ?? [],
    environment: options.environment ?? process.env,
    vault: gate.vault,
    dataDirectory,
  });
  const startedAt = ports.clock.now();
  const bundle = memoize(() => loadGuestBundle(join(dataDirectory, "guest")));
  const place = {
    id: cluster === undefined ? "" : await placeIdOf(dataDirectory, () => uuidv4(ports.random)),
    node: cluster?.node ?? "",
  };
  const node = cluster === undefined ? undefined : place.node;
  const status = {
    ...{ gate, git, catalogue, dataDirectory, startedAt },
    budgets: () => backends.usage.budgets(),
    ...(cluster === undefined ? {} : { node: place.node }),
  };
  const limits = { ...studioLimits, ...options.limits };
  const now = () => ports.clock.now();
  const remoteOf = async (id: string): Promise<Remote> => {
    const source = await backends.repositorySource(id);
    if (source.kind === "folder") throw new TypeError("a folder has no server");
    return connections.remote(source);
  };
  const mirrors = new Mirrors({
    ...{ git, remoteOf, now, directory: join(dataDirectory, "mirrors"), log: ports.log },
    ...{ timeoutMs: limits.cloneTimeoutMs, reportMs: limits.repositoryReportMs },
    report: (id, report) => backends.fetchReported(id, report),
  });
  const connections = new Connections({
    ...{ git, mirrors, now, vault: gate.vault },
    // Beside the copies: no jail sees either.
    directory: join(dataDirectory, "mirrors", "ssh"),
  });
  const repositories = new Repositories({
    ...{ git, others, mirrors, remoteOf, jails: gate.jails, temporary: snapshotDirectory },
    sample: memoize(() => sampleRepository(git, dataDirectory)),
    node,
  });
  const ownEnvironments = new Environments({
    ...{ ports, gate, git, limits, bundle, dataDirectory, runDirectory, repositories },
    place: { id: place.id, node },
    actor: (id) => backends.environment(id),
    index: backends.preparations,
  });
  const environments = new ClusterEnvironments({
    ...{ environments: ownEnvironments, node, others },
    actor: (id) => backends.environment(id),
  });
  const valueTokens =
    cluster === undefined
      ? new LocalValueTokens(() => uuidv4(ports.random))
      : new SealedValueTokens(cluster.secret);
  return new StudioHost({
    ports,
    gate,
    git,
    catalogue,
    limits,
    environments,
    ownEnvironments,
    dataDirectory,
    runDirectory,
    snapshotDirectory,
    bundle,
    repositories,
    connections,
    mirrors,
    notifications,
    billing,
    others,
    removeEnvironment: (id) => backends.removeEnvironment(id),
    system: (tasks) => systemStatus(status, tasks),
    runTasks: options.runTasks ?? true,
    task: (taskId, sessionId, claim) => backends.task(taskId, sessionId, claim),
    session: (sessionId, claim) => backends.session(sessionId, claim),
    valueTokens,
    attachments: new Attachments({
      ports,
      limits,
      client: () => backends.client,
      valueTokens: () => valueTokens,
    }),
    runsWithActor: cluster !== undefined,
    place,
    servesTasks: servesTasks(cluster),
    groups,
    identify,
    meter,
    administration,
  });
}

interface GateParts
  extends Pick<StudioParts, "options" | "dataDirectory" | "ports" | "inbox" | "localGate" | "groups"> {
  /** The actors, which can be called as soon as the Studio has started. */
  readonly backends: StudioBackends;
}

async function openGate(parts: GateParts): Promise<Gate> {
  const { options, dataDirectory, ports, inbox, backends, localGate, groups } = parts;
  const unsafe = options.unsafeNoJail === true;
  const { cluster } = options;
  const shared =
    cluster &&
    createSharedGate({
      node: cluster.node ?? "",
      keys: await clusterKeys(options),
      client: () => backends.client,
      gate: localGate,
      groups: () => groups.list().map(({ name }) => name),
      log: ports.log,
    });
  // A command that looks at tasks has no jail to start.
  const proof = options.runTasks === false ? "first-jail" : "start";
  const gate = await createGate({
    dataDir: dataDirectory,
    jails: unsafe
      ? { driver: "none", allowUnsafe: true }
      : { ...options.jails, whenUnavailable: "refuse", proof },
    vault: { env: options.environment ?? process.env, ...options.vault },
    plugins: { builtInDirectory: pluginsDirectory, onEvent: inbox.acceptFromPlugin },
    ...(shared === undefined ? {} : { shared }),
    log: ports.log,
  });
  const { name, refusal } = gate.jails.driver;
  // Read-only commands need no jail, and a command that starts one task gets this as the task's error.
  const runsTasks = (options.runTasks ?? true) === true && servesTasks(options.cluster);
  if (refusal !== undefined && runsTasks)
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
