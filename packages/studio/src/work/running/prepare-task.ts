import { mkdir } from "node:fs/promises";
import { HoldfastError, isHoldfastError, type Ports, uuidv4 } from "@holdfast/core";
import type { Gate } from "@holdfast/gate";
import { organizationOfId } from "../../access/organization-ids.ts";
import type { AgentCatalogue } from "../../agents.ts";
import type { TaskWork } from "../../backend/turns/work.ts";
import type { Repositories } from "../../cluster/repositories.ts";
import type { Environments } from "../../environments/environments.ts";
import { prepareForTask } from "../../environments/prepare-for-task.ts";
import { noteServiceEnd } from "../../environments/services.ts";
import { cloneWorkspace } from "../../git/clone-workspace.ts";
import type { Git } from "../../git/git.ts";
import type { GroupRegistry } from "../../groups/group-registry.ts";
import type { GuestBundle } from "../../jail/bundle.ts";
import type { StudioLimits } from "../../limits.ts";
import type { SessionBackend } from "../backend.ts";
import { foldersOf } from "../files/copies.ts";
import { copyWorkspace } from "../files/copy-workspace.ts";
import type { PreparedTask } from "../runner.ts";

export interface PrepareTaskOptions {
  readonly ports: Ports;
  readonly gate: Gate;
  readonly git: Git;
  readonly catalogue: AgentCatalogue;
  readonly limits: StudioLimits;
  readonly bundle: () => Promise<GuestBundle>;
  readonly dataDirectory: string;
  readonly runDirectory: string;
  readonly repositories: Repositories;
  readonly environments: Environments;
  readonly groups: GroupRegistry;
  readonly session: (sessionId: string) => SessionBackend;
}
/** Clones the repository of a task, and gives it its environment. Throws `repository.*`, `environment.*`, `agent.not_found`. */
export async function prepareTask(
  options: PrepareTaskOptions,
  work: TaskWork,
  signal: AbortSignal,
): Promise<PreparedTask> {
  signal.throwIfAborted();
  const { repositories, gate, git, catalogue, limits, bundle, runDirectory, ports } = options;
  const row = catalogue.row(work.agent);
  if (row === undefined) {
    throw new HoldfastError("agent", "not_found", `The agent ${work.agent} is no longer configured`);
  }
  const { directory, workspace } = foldersOf(options.dataDirectory, work.taskId);
  const folders = foldersOf(options.dataDirectory, work.taskId, work.copy);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const source = {
    ...{ path: work.repository, node: work.repositoryNode },
    ...(work.connected === undefined ? {} : { connected: work.connected }),
  };
  // A stop aborts the clone; otherwise the next prompt would have to wait for it.
  const cloning = { timeoutMs: limits.cloneTimeoutMs, signal };
  const { base } = await repositories.prepare(directory, source, cloning).catch((error: unknown) => {
    signal.throwIfAborted();
    if (isHoldfastError(error) && error.group !== "git") throw error;
    ports.log.error("could not clone a repository", { taskId: work.taskId, error });
    const message = "The repository could not be cloned. See the server log for the cause.";
    throw new HoldfastError("task", "prepare_failed", message, { cause: error });
  });
  signal.throwIfAborted();
  if (work.copy !== undefined) {
    if (work.copiesFiles === true) await copyWorkspace(gate.jails, workspace, folders.directory);
    else await cloneWorkspace(git, folders.hostGit, folders.directory, cloning);
  }
  signal.throwIfAborted();
  const organization = organizationOfId(work.taskId);
  const pull = work.connected?.pull;
  const fork = pull && { number: pull.number, repository: pull.repository, secrets: work.forkSecrets };
  const user = { ...folders, copy: work.copy, base, repository: source, fork, organization };
  const note = async (text: string, key: string): Promise<void> => {
    const record = { body: { type: "note", text } as const, dedupeKey: `${key}/${work.prompt.id}` };
    await options.session(work.sessionId).append({ records: [record] });
  };
  const environment = await prepareForTask(options.environments, { user, signal, note });
  const process = {
    gate,
    catalogue,
    limits,
    row,
    bundle: await bundle(),
    taskId: work.taskId,
    jailId: `${work.taskId}-${uuidv4(ports.random).slice(0, 8)}`,
    runDirectory,
    workspace: work.taintedAs,
    folders: { workspace: folders.workspace, home: folders.home },
    ...environment,
    onServiceEnd: noteServiceEnd(note, ports.log),
    ...(work.group === undefined ? {} : { group: options.groups.require(work.group) }),
  };
  return { base, process };
}
