import { didYouMean } from "@holdfast/cli";
import { HoldfastError, uuidv7 } from "@holdfast/core";
import type { AgentChoice, CreateTaskInput, TaskSummary } from "../contract.ts";
import { requireClean } from "../git/repository.ts";
import type { BackendHost } from "./host.ts";
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

/** What the server knows of a new task by itself. */
type KnownInput = Partial<GroupTaskNames> & Pick<TaskInput, "startedBy" | "createdBy">;

/**
 * Validates the input before anything is created. Throws `repository.*`, `agent.not_found`, `.not_installed`,
 * `.not_ready`, `jail.unavailable`, `task.empty_prompt`, `.prompt_too_long`, `.invalid_input`.
 */
export async function validateTask(
  host: BackendHost,
  input: CreateTaskInput,
  names: KnownInput = {},
): Promise<TaskInput> {
  requireText(input?.repository, "repository", 4_096);
  requirePrompt(input.prompt);
  host.requireJails();
  const agent = await requireAgent(host, input.agent);
  const repository = await host.checkRepository(input.repository);
  requireClean(repository, input.fromHead === true);
  const { clock, random } = host.ports;
  return {
    taskId: uuidv7(clock, random),
    sessionId: uuidv7(clock, random),
    title: titleOf(input.prompt),
    repository: repository.path,
    ...(repository.node === undefined ? {} : { repositoryNode: repository.node }),
    agent: agent.id,
    prompt: input.prompt,
    unsafe: host.unsafe,
    createdAt: clock.now(),
    ...names,
  };
}

async function requireAgent(host: BackendHost, id: unknown): Promise<AgentChoice> {
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
    ...(task.origin === undefined ? {} : { origin: task.origin }),
    ...(task.startedBy === undefined ? {} : { startedBy: task.startedBy }),
  };
}

/** Creates the task and its session unless they exist. */
export async function createTaskActors(host: BackendHost, c: ActorCreator, input: TaskInput): Promise<void> {
  const session = host.handover.put({ sessionOf: input.taskId });
  const task = host.handover.put(input);
  const createActor = (name: string, key: string, token: string) =>
    c.client().getOrCreate(name, [key], { createWithInput: { token } }).resolve();
  try {
    await createActor("session", input.sessionId, session);
    await createActor("task", input.taskId, task);
  } finally {
    host.handover.drop(session);
    host.handover.drop(task);
  }
}

/** Starts the work on a task, in the process that has its actor. */
export async function beginTask(c: ActorCreator, taskId: string): Promise<void> {
  await c.client().get("task", [taskId]).action({ name: "internal.begin", args: [] });
}
