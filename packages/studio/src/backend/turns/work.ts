import type { ConnectedRepository } from "../../cluster/repositories.ts";
import type { AttachmentView } from "../../contract/prompts.ts";
import type { TaskStarter } from "../../contract.ts";
import { payerOf } from "../prompts/payer.ts";
import { copyOf, isOpen, type TaskSession, type TaskState } from "../task-state.ts";

/** The prompt to run now, with the input that the runner needs. */
export interface TaskWork {
  readonly taskId: string;
  readonly title: string;
  readonly sessionId: string;
  /** By what the workspace is tainted. Sessions that share one have the same. */
  readonly taintedAs: string;
  /** Name of the folder with a workspace of its own. Absent in that of the task. */
  readonly copy?: string | undefined;
  /** True if that begins as the task's files are. By default it begins where the task began. */
  readonly copiesFiles?: true;
  readonly repository: string;
  readonly repositoryNode?: string;
  /** Set for a connected repository of a server: its id and its branch. */
  readonly connected?: ConnectedRepository;
  /** Of a task that starts from a fork: whether it gets secrets. Absent until somebody has decided. */
  readonly forkSecrets?: boolean;
  readonly agent: string;
  readonly agentSessionId?: string;
  readonly group?: string;
  /** True if a snapshot of its files is stored. */
  readonly hasSnapshot?: boolean;
  readonly prompt: {
    readonly id: string;
    readonly text: string;
    readonly attempt: number;
    /** Earlier attempts that were interrupted by an orderly shutdown. */
    readonly putDown?: number;
    readonly taint?: string;
    readonly attachments?: readonly AttachmentView[];
    readonly by: TaskStarter;
  };
  /** Options of the agent that were chosen. */
  readonly options?: Readonly<Record<string, string>>;
  /** Open questions of an agent process that no longer exists. */
  readonly staleApprovals: readonly string[];
}

/** Marks the first open prompt of a session as sent and returns it. */
export function takeWork(state: TaskState, session: TaskSession = state): TaskWork | undefined {
  const prompt = session.prompts.find(isOpen);
  if (prompt === undefined || session.stopping) return undefined;
  prompt.state = "sent";
  prompt.attempts += 1;
  if (prompt.attempts === 1) state.turns = (state.turns ?? 0) + 1;
  session.status = state.base === undefined ? "preparing" : "running";
  session.error = undefined;
  return {
    taskId: state.id,
    title: state.title,
    sessionId: session.sessionId,
    taintedAs: copyOf(session) ?? state.taintedAs ?? state.sessionId,
    copy: copyOf(session),
    ...("copiesFiles" in session && session.copiesFiles === true ? { copiesFiles: true } : {}),
    repository: state.repository,
    ...(state.repositoryNode === undefined ? {} : { repositoryNode: state.repositoryNode }),
    ...(state.connected === undefined ? {} : { connected: toPlain(state.connected) }),
    ...(state.forkSecrets === undefined ? {} : { forkSecrets: state.forkSecrets.isAllowed }),
    agent: session.agent,
    ...(session.agentSessionId === undefined ? {} : { agentSessionId: session.agentSessionId }),
    ...(state.group === undefined ? {} : { group: state.group }),
    ...(state.snapshot === undefined ? {} : { hasSnapshot: true }),
    prompt: {
      ...{ id: prompt.id, text: prompt.text, attempt: prompt.attempts },
      ...(prompt.putDown === undefined ? {} : { putDown: prompt.putDown }),
      ...(prompt.taint === undefined ? {} : { taint: prompt.taint }),
      ...(prompt.attachments === undefined ? {} : { attachments: toPlain(prompt.attachments) }),
      by: payerOf(state, prompt),
    },
    ...(session.options === undefined ? {} : { options: { ...session.options } }),
    staleApprovals:
      prompt.attempts > 1
        ? session.approvals.filter((each) => each.boundary === undefined).map(({ id }) => id)
        : [],
  };
}

/** Copies a value that may be a state proxy, which `structuredClone` cannot clone. */
function toPlain<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}
