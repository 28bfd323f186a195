import { didYouMean } from "@holdfast/cli";
import { HoldfastError, uuidv7 } from "@holdfast/core";
import { inOrganization } from "../access/organization-ids.ts";
import type { AgentChoice, CreateTaskInput, TaskSummary } from "../contract.ts";
import { requireClean } from "../git/repository.ts";
import { readLabels } from "../labels/labels.ts";
import { studioLimits } from "../limits.ts";
import type { StartingPoint } from "./forks/starting-point.ts";
import type { BackendHost } from "./host.ts";
import { requireFolders } from "./organizations/folders.ts";
import { readOptions } from "./prompts/actions.ts";
import { operatorName } from "./prompts/payer.ts";
import type { RepositorySummary } from "./repositories/contract.ts";
import { type TaskInput, titleOf } from "./task-state.ts";
import { requirePrompt, requireText } from "./validate.ts";

/** The part of the organization's context that creates actors. */
export interface ActorCreator {
  client(): {
    getOrCreate(
      name: string,
      key: string[],
      options?: { readonly createWithInput: unknown },
    ): { resolve(): Promise<string> };
    get(
      name: string,
      key: string[],
    ): {
      action<Result>(options: { readonly name: string; readonly args: readonly unknown[] }): Promise<Result>;
    };
  };
}

/** Ids that a group assigns to a task in advance, so that creating it twice is idempotent. */
export type GroupTaskNames = Required<
  Pick<TaskInput, "taskId" | "sessionId" | "promptId" | "group" | "origin">
> &
  Pick<TaskInput, "taint">;

/** Ids that a schedule assigns to a task in advance, and whose task it is. */
export type ScheduledTaskNames = Required<Pick<TaskInput, "taskId" | "sessionId" | "promptId">> &
  Pick<TaskInput, "startedBy" | "createdBy" | "taint">;

/** What the server knows of a new task by itself. */
interface KnownInput extends Partial<GroupTaskNames>, Pick<TaskInput, "startedBy" | "createdBy" | "below"> {
  /** The connected repository that the input names. */
  readonly connectedTo?: RepositorySummary | undefined;
  /** Where the pull request that the input names begins. */
  readonly startsFrom?: StartingPoint | undefined;
}

/**
 * Validates the input before anything is created. Throws `repository.*`, `agent.not_found`, `.not_installed`,
 * `.not_ready`, `jail.unavailable`, `budget.exceeded`, `task.empty_prompt`, `.prompt_too_long`, `.invalid_input`.
 */
export async function validateTask(
  host: BackendHost,
  organization: string,
  input: CreateTaskInput,
  { connectedTo, startsFrom, ...names }: KnownInput = {},
): Promise<TaskInput> {
  requireText(input?.repository, "repository", 4_096);
  requirePrompt(input.prompt);
  if (connectedTo === undefined) requireFolders(organization, names.createdBy);
  const { clock, random } = host.ports;
  const options = readOptions(input.options);
  const labels = readLabels(input.labels ?? startsFrom?.labels ?? []);
  host.requireJails();
  const agent = await requireAgent(host, input.agent);
  const newId = () => inOrganization(organization, uuidv7(clock, random));
  const attempts = await attemptsOf(host, input.attempts, newId);
  const repository = await repositoryOf(host, input, connectedTo, startsFrom);
  // A turn of a group is refused when it begins, so that the group goes on with its next event.
  if (names.group === undefined) {
    const person = (names.startedBy ?? operatorName).id;
    await host.requireBudget({ person, repository: repository.repository }, organization);
  }
  return {
    taskId: newId(),
    sessionId: newId(),
    title: titleOf(input.prompt),
    ...repository,
    agent: agent.id,
    ...(attempts.length === 0 ? {} : { attempts }),
    prompt: input.prompt,
    unsafe: host.unsafe,
    ...(Object.keys(options).length === 0 ? {} : { options }),
    ...(labels.length === 0 ? {} : { labels }),
    createdAt: clock.now(),
    ...names,
  };
}

/** Checks where the task starts. A repository of a server is fetched when the task is prepared. */
async function repositoryOf(
  host: BackendHost,
  { repository, branch, fromHead }: CreateTaskInput,
  connected: RepositorySummary | undefined,
  startsFrom: StartingPoint | undefined,
): Promise<Pick<TaskInput, "repository" | "repositoryNode" | "connected" | "taint">> {
  if (connected !== undefined && startsFrom !== undefined) {
    const { labels: _, ...start } = startsFrom;
    const at = { repository: connected.name, connected: { id: connected.id, ...start } };
    if ("branch" in startsFrom) return at;
    const { number, repository: fork } = startsFrom.pull;
    return { ...at, taint: `code of pull request #${number} of ${fork}` };
  }
  if (connected !== undefined && connected.kind !== "folder") {
    if (branch === undefined) return { repository: connected.name, connected: { id: connected.id } };
    requireText(branch, "branch", 200);
    await host.requireBranchName(branch);
    return { repository: connected.name, connected: { id: connected.id, branch } };
  }
  if (branch !== undefined) {
    const message = "A task in a folder starts from its current branch. Check out the branch there first.";
    throw new HoldfastError("task", "invalid_input", message, { statusCode: 400 });
  }
  const check = await host.checkRepository(connected?.name ?? repository);
  requireClean(check, fromHead === true);
  return {
    repository: check.path,
    ...(check.node === undefined ? {} : { repositoryNode: check.node }),
  };
}

/** The further attempts, with the ids of their sessions. Throws `task.invalid_input`, `agent.*`. */
async function attemptsOf(
  host: BackendHost,
  given: unknown,
  newId: () => string,
): Promise<NonNullable<TaskInput["attempts"]>> {
  if (given === undefined) return [];
  const { maxOpenSessions } = studioLimits;
  if (!Array.isArray(given) || given.length >= maxOpenSessions) {
    const message = `\`attempts\` must be a list of at most ${maxOpenSessions - 1} agents`;
    throw new HoldfastError("task", "invalid_input", message, { statusCode: 400 });
  }
  const attempts: { sessionId: string; agent: string; options?: Readonly<Record<string, string>> }[] = [];
  for (const each of given as unknown[]) {
    const { agent: id, options }: { readonly agent?: unknown; readonly options?: unknown } =
      typeof each === "object" && each !== null ? each : { agent: each };
    const { id: agent } = await requireAgent(host, id);
    attempts.push({
      sessionId: newId(),
      agent,
      ...(options === undefined ? {} : { options: readOptions(options) }),
    });
  }
  return attempts;
}

/** An agent that can start. Throws `agent.not_found`, `.not_installed`, `.not_ready`. */
export async function requireAgent(host: Pick<BackendHost, "listAgents">, id: unknown): Promise<AgentChoice> {
  requireText(id, "agent", 64);
  const agents = await host.listAgents();
  const agent = agents.find((each) => each.id === id);
  if (agent === undefined) {
    const suggestion = didYouMean(
      id,
      agents.map((each) => each.id),
    );
    throw new HoldfastError("agent", "not_found", `There is no agent "${id}".${suggestion}`, {
      statusCode: 404,
    });
  }
  if (!agent.installed) {
    const message = agent.hint ?? `${agent.name} is not installed`;
    throw new HoldfastError("agent", "not_installed", message, { statusCode: 409 });
  }
  if (!agent.ready) {
    const message = agent.hint ?? `${agent.name} has no model configured`;
    throw new HoldfastError("agent", "not_ready", message, { statusCode: 409 });
  }
  return agent;
}

export function initialSummary(task: TaskInput): TaskSummary {
  return {
    id: task.taskId,
    title: task.title,
    repository: task.repository,
    agent: task.agent,
    status: "preparing",
    createdAt: task.createdAt,
    updatedAt: task.createdAt,
    unsafe: task.unsafe,
    openApprovals: 0,
    ...attemptCounts(task),
    ...(task.origin === undefined ? {} : { origin: task.origin }),
    ...(task.startedBy === undefined ? {} : { startedBy: task.startedBy, owner: task.startedBy }),
    ...(task.labels === undefined ? {} : { labels: task.labels }),
    ...(task.below === undefined ? {} : { on: { taskId: task.below.taskId, title: task.below.title } }),
  };
}

function attemptCounts({ attempts = [] }: TaskInput): Pick<TaskSummary, "openSessions" | "attempts"> {
  const total = attempts.length + 1;
  return total === 1 ? {} : { openSessions: total, attempts: total };
}

/** Creates the task and its sessions unless they exist. */
export async function createTaskActors(host: BackendHost, c: ActorCreator, input: TaskInput): Promise<void> {
  const createActor = async (name: string, key: string, given: unknown) => {
    const token = host.valueTokens.put(given);
    try {
      await c.client().getOrCreate(name, [key], { createWithInput: { token } }).resolve();
    } finally {
      host.valueTokens.drop(token);
    }
  };
  for (const { sessionId } of [input, ...(input.attempts ?? [])])
    await createActor("session", sessionId, { sessionOf: input.taskId });
  await createActor("task", input.taskId, input);
}

/** Starts the work on a task, in the process that has its actor. */
export async function beginTask(c: ActorCreator, taskId: string): Promise<void> {
  await c.client().get("task", [taskId]).action({ name: "internal.begin", args: [] });
}
