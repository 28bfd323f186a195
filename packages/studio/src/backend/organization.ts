import { actor, event } from "@holdfast/actors";
import { HoldfastError, uuidv7 } from "@holdfast/core";
import type {
  AgentChoice,
  CreateTaskInput,
  RepositoryCheck,
  SystemStatus,
  TaskSummary,
} from "../contract.ts";
import { requireClean } from "../git/repository.ts";
import type { BackendHost } from "./host.ts";
import { type TaskInput, titleOf } from "./task-state.ts";
import { requirePrompt, requireText } from "./validate.ts";

/** One line of the index. The input is kept until the task has it. */
interface TaskRow {
  readonly summary: TaskSummary;
  readonly revision: number;
  /** Raised whenever the task becomes active; only a task that knows this count can become inactive. */
  readonly wake: number;
  readonly active: boolean;
  readonly input?: TaskInput;
}

export interface TaskChange {
  readonly summary: TaskSummary;
  readonly revision: number;
  readonly wake: number;
  readonly active: boolean;
}

interface Kv {
  get(key: string): Promise<string | undefined>;
  put(key: string, value: string): Promise<void>;
}

interface Caller {
  client(): {
    getOrCreate(
      name: string,
      key: string[],
      options?: { readonly createWithInput: unknown },
    ): {
      action<Result>(options: { name: string; args: readonly unknown[] }): Promise<Result>;
      resolve(): Promise<string>;
    };
  };
}

export interface OrganizationState {
  version: 1;
  tasks: number;
}

const maxPage = 200;

/** The parent: the index of all tasks, so that a list wakes none of them. */
export function createOrganizationActor(host: BackendHost) {
  async function start(c: Caller, input: TaskInput): Promise<void> {
    const session = host.handover.put({ sessionOf: input.taskId });
    const task = host.handover.put(input);
    try {
      await c
        .client()
        .getOrCreate("session", [input.sessionId], { createWithInput: { token: session } })
        .resolve();
      await c
        .client()
        .getOrCreate("task", [input.taskId], { createWithInput: { token: task } })
        .resolve();
    } finally {
      host.handover.drop(session);
      host.handover.drop(task);
    }
  }

  async function checkAgent(id: unknown): Promise<AgentChoice> {
    requireText(id, "agent", 64);
    const agent = (await host.listAgents()).find((each) => each.id === id);
    if (agent === undefined) {
      throw new HoldfastError("agent", "not_found", `There is no agent called ${id}`, { statusCode: 404 });
    }
    if (!agent.installed) {
      const message = agent.hint ?? `${agent.name} is not installed`;
      throw new HoldfastError("agent", "not_installed", message, { statusCode: 409 });
    }
    if (!agent.ready) {
      const message = agent.hint ?? `${agent.name} has no model to talk to`;
      throw new HoldfastError("agent", "not_ready", message, { statusCode: 409 });
    }
    return agent;
  }

  return actor({
    createState: (c): OrganizationState => {
      if (c.key.length === 1 && c.key[0] === "local") return { version: 1, tasks: 0 };
      throw new HoldfastError("organization", "not_found", "There is no such organization", {
        statusCode: 404,
      });
    },
    events: { taskChanged: event<TaskSummary>() },
    options: { name: "Organization" },
    actions: {
      async createTask(c, input: CreateTaskInput): Promise<TaskSummary> {
        requireText(input?.repository, "repository", 4_096);
        requirePrompt(input.prompt);
        const agent = await checkAgent(input.agent);
        const repository = await host.checkRepository(input.repository);
        requireClean(repository, input.fromHead === true);
        const { clock, random } = host.ports;
        const createdAt = clock.now();
        const task: TaskInput = {
          taskId: uuidv7(clock, random),
          sessionId: uuidv7(clock, random),
          title: titleOf(input.prompt),
          repository: repository.path,
          agent: agent.id,
          prompt: input.prompt,
          unsafe: host.unsafe,
          createdAt,
        };
        const summary: TaskSummary = {
          id: task.taskId,
          title: task.title,
          repository: task.repository,
          agent: task.agent,
          status: "preparing",
          createdAt,
          updatedAt: createdAt,
          unsafe: task.unsafe,
        };
        await write(c.kv, { summary, revision: 0, wake: 0, active: true, input: task });
        c.state.tasks += 1;
        c.broadcast("taskChanged", summary);
        await start(c, task);
        host.wake(task.taskId);
        return summary;
      },

      async listTasks(c, query: { readonly limit?: number; readonly cursor?: string } = {}) {
        const limit = Math.max(1, Math.min(maxPage, Math.floor(Number(query?.limit ?? 50)) || 50));
        const end = typeof query?.cursor === "string" ? rowKey(query.cursor) : "task0";
        const rows = await c.kv.listRange("task/", end, { reverse: true, limit: limit + 1 });
        const tasks = rows.slice(0, limit).map(([, value]) => (JSON.parse(value) as TaskRow).summary);
        const last = tasks.at(-1);
        return { tasks, ...(rows.length > limit && last !== undefined ? { cursor: last.id } : {}) };
      },

      async checkRepository(_c, path: string): Promise<RepositoryCheck> {
        requireText(path, "path", 4_096);
        return host.checkRepository(path);
      },

      listAgents: (_c): Promise<readonly AgentChoice[]> => host.listAgents(),

      async system(c): Promise<SystemStatus> {
        const active = await activeRows(c.kv);
        return host.system({ total: c.state.tasks, active: active.length });
      },

      internal: {
        async taskChanged(c, change: TaskChange): Promise<void> {
          const row = await read(c.kv, change.summary.id);
          if (row === undefined || change.revision <= row.revision) return;
          const active = change.active || row.wake !== change.wake;
          const { summary, revision } = change;
          await write(c.kv, { summary, revision, wake: row.wake, active });
          c.broadcast("taskChanged", summary);
        },

        /** Notes that the task is about to have work; returns the count that it must know to rest. */
        async wake(c, taskId: string): Promise<number> {
          const row = await read(c.kv, taskId);
          if (row === undefined)
            throw new HoldfastError("task", "not_found", "There is no such task", { statusCode: 404 });
          await write(c.kv, { ...row, wake: row.wake + 1, active: true });
          return row.wake + 1;
        },

        /** The tasks that were active when the last process ended, each of them made for certain. */
        async recover(c): Promise<readonly string[]> {
          const rows = await activeRows(c.kv);
          for (const { input } of rows) if (input !== undefined) await start(c, input);
          return rows.map((row) => row.summary.id);
        },
      },
    },
  });
}

function rowKey(taskId: string): string {
  return `task/${taskId}`;
}

async function read(kv: Kv, taskId: string): Promise<TaskRow | undefined> {
  const value = await kv.get(rowKey(taskId));
  return value === undefined ? undefined : (JSON.parse(value) as TaskRow);
}

/** The row, and beside it a key for each active task, so that a start reads only those. */
async function write(kv: Kv & { delete(key: string): Promise<void> }, row: TaskRow): Promise<void> {
  const { id } = row.summary;
  const active = row.active ? kv.put(`active/${id}`, "1") : kv.delete(`active/${id}`);
  await Promise.all([kv.put(rowKey(id), JSON.stringify(row)), active]);
}

async function activeRows(
  kv: Kv & { list(prefix: string): Promise<[key: string, value: string][]> },
): Promise<TaskRow[]> {
  const rows: TaskRow[] = [];
  for (const [key] of await kv.list("active/")) {
    const row = await read(kv, key.slice("active/".length));
    if (row !== undefined) rows.push(row);
  }
  return rows;
}
