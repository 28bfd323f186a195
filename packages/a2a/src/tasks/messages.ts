/** Tasks of the protocol, made from turns of an agent. */
import {
  type Artifact,
  type Message,
  type Part,
  Role,
  type Task,
  TaskState,
  type TaskStatus,
} from "@a2a-js/sdk";
import type { Approval, Turn, TurnDetails, UiMessage } from "@holdfast/agent";
import { HoldfastError } from "@holdfast/core";
import { taskId } from "./task-ids.ts";

/** The only artifact of a task: what the agent has said. */
export const answerId = "answer";

type PromptPart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "file"; readonly mediaType: string; readonly url: string; readonly filename?: string };

/** What the agent is sent for the parts of a message. Throws `a2a.unsupported_part`. */
export function promptOf(parts: readonly Part[]): PromptPart[] {
  return parts.map(({ content, mediaType, filename }): PromptPart => {
    switch (content?.$case) {
      case "text":
        return { type: "text", text: content.value };
      case "data":
        return { type: "text", text: JSON.stringify(content.value) };
      case "raw": {
        const type = mediaType || "application/octet-stream";
        const url = `data:${type};base64,${content.value.toString("base64")}`;
        return { type: "file", mediaType: type, url, ...(filename === "" ? {} : { filename }) };
      }
      default: {
        const message = "A part is neither text, data nor a file with its bytes: addresses are not fetched";
        throw new HoldfastError("a2a", "unsupported_part", message, { statusCode: 400 });
      }
    }
  });
}

export function textPart(text: string): Part {
  return {
    content: { $case: "text", value: text },
    metadata: undefined,
    filename: "",
    mediaType: "text/plain",
  };
}

export function answerOf(parts: Part[]): Artifact {
  return {
    artifactId: answerId,
    name: "Answer",
    description: "",
    parts,
    metadata: undefined,
    extensions: [],
  };
}

/** The question of an agent, for a client to answer with `{ approvalId, approved }`. */
export function questionOf(approval: Approval, contextId: string): Message {
  const { id, turn, title, kind, input, options } = approval;
  const data: Part = {
    content: { $case: "data", value: { approvalId: id, title, kind, input, options } },
    ...{ metadata: undefined, filename: "", mediaType: "application/json" },
  };
  return messageOf(`${turn}-${id}`, contextId, turn, Role.ROLE_AGENT, [textPart(`${title}?`), data]);
}

export function taskOf(contextId: string, details: TurnDetails, historyLength: number | undefined): Task {
  const { turn, prompt, message } = details;
  const parts = message === undefined ? [] : partsOf(message);
  const history = [messageOf(prompt.id, contextId, turn.id, Role.ROLE_USER, partsOf(prompt))];
  return {
    id: taskId({ contextId, turnId: turn.id }),
    contextId,
    status: statusOf(contextId, details),
    artifacts: parts.length === 0 ? [] : [answerOf(parts)],
    history: historyLength === undefined ? history : history.slice(0, historyLength),
    metadata: undefined,
  };
}

export function statusOf(contextId: string, { turn, approvals }: TurnDetails): TaskStatus {
  const [approval] = approvals;
  const at = new Date(turn.settledAt ?? turn.startedAt ?? turn.createdAt).toISOString();
  if (approval !== undefined)
    return {
      state: TaskState.TASK_STATE_INPUT_REQUIRED,
      message: questionOf(approval, contextId),
      timestamp: new Date(approval.createdAt).toISOString(),
    };
  const why = whyOf(turn);
  const message =
    why === undefined
      ? undefined
      : messageOf(`${turn.id}-end`, contextId, turn.id, Role.ROLE_AGENT, [textPart(why)]);
  return { state: states[turn.status], message, timestamp: at };
}

const states: Readonly<Record<Turn["status"], TaskState>> = {
  queued: TaskState.TASK_STATE_SUBMITTED,
  running: TaskState.TASK_STATE_WORKING,
  completed: TaskState.TASK_STATE_COMPLETED,
  failed: TaskState.TASK_STATE_FAILED,
  cancelled: TaskState.TASK_STATE_CANCELED,
  interrupted: TaskState.TASK_STATE_FAILED,
};

function whyOf({ status, error }: Turn): string | undefined {
  if (status === "failed") return error?.message ?? "The agent failed";
  return status === "interrupted" ? "The task was interrupted by a restart of the server" : undefined;
}

function partsOf({ parts }: UiMessage): Part[] {
  return parts.flatMap((part): Part[] => {
    if (part.type === "text") return part.text === "" ? [] : [textPart(part.text)];
    if (part.type !== "file") return [];
    const [, base64 = ""] = part.url.split(";base64,");
    const content = { $case: "raw" as const, value: Buffer.from(base64, "base64") };
    return [{ content, metadata: undefined, filename: part.filename ?? "", mediaType: part.mediaType }];
  });
}

function messageOf(messageId: string, contextId: string, turnId: string, role: Role, parts: Part[]): Message {
  return {
    ...{ messageId, contextId, taskId: taskId({ contextId, turnId }), role, parts },
    ...{ metadata: undefined, extensions: [], referenceTaskIds: [] },
  };
}
