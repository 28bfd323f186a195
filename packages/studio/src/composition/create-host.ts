/** Composition of the Studio: the gate, the process around the actors, and what the gateway serves. */
import { join, resolve } from "node:path";
import { uuidv4 } from "@holdfast/core";
import type { Identify } from "../access/person.ts";
import type { Administration } from "../administration/administration.ts";
import { AgentCatalogue } from "../agents.ts";
import { Attachments } from "../attachments/attachments.ts";
import type { BillingPort } from "../backend/billing/state.ts";
import type { NotificationPort } from "../backend/notifications/port.ts";
import { LocalValueTokens } from "../backend/value-tokens.ts";
import { OrganizationFiles } from "../cluster/all-nodes/organization-files.ts";
import { ClusterSandboxes } from "../cluster/all-nodes/sandboxes.ts";
import { ClusterEnvironments } from "../cluster/environments.ts";
import { servesTasks } from "../cluster/node-settings.ts";
import type { OtherNodes } from "../cluster/other-nodes.ts";
import { placeIdOf } from "../cluster/place.ts";
import { Repositories } from "../cluster/repositories.ts";
import { SealedValueTokens } from "../cluster/sealed-value-tokens.ts";
import { Environments } from "../environments/environments.ts";
import { createGit, type Git } from "../git/git.ts";
import { StudioHost } from "../host.ts";
import { loadGuestBundle } from "../jail/bundle.ts";
import { type StudioLimits, studioLimits } from "../limits.ts";
import { Connections } from "../remotes/connections.ts";
import { Mirrors } from "../remotes/mirrors.ts";
import type { Remote } from "../remotes/remote-git.ts";
import { sampleRepository } from "../sample/sample.ts";
import { systemStatus } from "../status.ts";
import type { UsageMeter } from "../usage/meter.ts";
import type { StudioParts } from "./parts.ts";

interface HostParts {
  readonly administration: Administration;
  readonly others: OtherNodes;
  readonly identify: Identify;
  readonly meter: UsageMeter;
  readonly notifications: NotificationPort;
  readonly billing: BillingPort | undefined;
}

/** The process around the actors: git, repositories, environments, agents. */
export async function createHost(
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
  const { mirrors, connections, remoteOf } = createRemotes(parts, git, limits);
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
    sourceOf: (repository) => environments.sourceOf(repository),
  });
  const environments: ClusterEnvironments = new ClusterEnvironments({
    ...{ environments: ownEnvironments, node, others, servesTasks: servesTasks(cluster) },
    actor: (id) => backends.environment(id),
    log: ports.log,
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
    sandboxes: new ClusterSandboxes({ running: () => gate.jails.running(), node, others }),
    organizationFiles: new OrganizationFiles({
      ...{ dataDirectory, environments: ownEnvironments, mirrors, others, log: ports.log },
      removeRecord: (id) => backends.removeEnvironment(id),
      deletedOf: (organizations) => backends.deletedOf(organizations),
    }),
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

/** The servers of connected repositories, and the copies of those here. */
function createRemotes(
  { ports, dataDirectory, backends, gate }: StudioParts,
  git: Git,
  limits: StudioLimits,
) {
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
  return { mirrors, connections, remoteOf };
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
