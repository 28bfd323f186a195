import type {
  AgentCard,
  CancelTaskRequest,
  GetTaskRequest,
  ListTasksRequest,
  ListTasksResponse,
  Message,
  SendMessageRequest,
  StreamResponse,
  SubscribeToTaskRequest,
  Task,
  TaskStatus,
} from "@a2a-js/sdk";
import {
  ExtendedAgentCardNotConfiguredError,
  PushNotificationNotSupportedError,
  RequestMalformedError,
  TaskNotCancelableError,
  TaskNotFoundError,
  UnsupportedOperationError,
} from "@a2a-js/sdk/errors";
import type { A2ARequestHandler } from "@a2a-js/sdk/server";
import type { TurnDetails } from "@holdfast/agent";
import { isErrorCode, isHoldfastError, systemClock, systemRandom, uuidv7 } from "@holdfast/core";
import { a2aLimits } from "../limits.ts";
import { type AgentChat, isUnknown } from "./agent-chat.ts";
import { answerOf, promptOf, statusOf, taskOf, textPart } from "./messages.ts";
import { checkContextId, readTaskId, type TaskPlace, taskId } from "./task-ids.ts";

/** Opens the chat of a context for the sender of the request. */
export type OpenChat = (contextId: string, creates: boolean) => Promise<AgentChat>;

interface Begun {
  readonly chat: AgentChat;
  readonly contextId: string;
  readonly details: TurnDetails;
}

/** Answers the operations of the protocol for one request. Everything that it knows is in the agent's actor. */
export class RequestHandler implements A2ARequestHandler {
  readonly #card: AgentCard;
  readonly #open: OpenChat;
  readonly #refused: (error: unknown) => void;

  /** `refused` learns of errors that are no answer of the protocol, such as a missing token. */
  constructor(card: AgentCard, open: OpenChat, refused: (error: unknown) => void) {
    this.#card = card;
    this.#open = open;
    this.#refused = refused;
  }

  getAgentCard(): Promise<AgentCard> {
    return Promise.resolve(this.#card);
  }

  sendMessage(request: SendMessageRequest): Promise<Message | Task> {
    return this.#translated(async () => {
      const { chat, contextId, details } = await this.#begin(request);
      const { returnImmediately = false, historyLength } = request.configuration ?? {};
      // Read to its end, or to a question.
      if (!returnImmediately) for await (const _chunk of chat.chunks(details));
      return taskOf(contextId, await chat.turn(details.turn.id), historyLength);
    });
  }

  async *sendMessageStream(request: SendMessageRequest): AsyncGenerator<StreamResponse, void, undefined> {
    yield* this.#stream(await this.#translated(() => this.#begin(request)));
  }

  async *resubscribe({ id }: SubscribeToTaskRequest): AsyncGenerator<StreamResponse, void, undefined> {
    const begun = await this.#translated(() => this.#find(id));
    if (begun.details.turn.settledAt !== undefined)
      throw new UnsupportedOperationError("The task has ended: get it instead");
    yield* this.#stream(begun);
  }

  getTask({ id, historyLength }: GetTaskRequest): Promise<Task> {
    return this.#translated(async () => {
      const { contextId, details } = await this.#find(id);
      return taskOf(contextId, details, historyLength);
    });
  }

  listTasks(request: ListTasksRequest): Promise<ListTasksResponse> {
    return this.#translated(async () => {
      const { contextId, pageSize = 50, pageToken, historyLength, status } = request;
      if (contextId === "") throw new UnsupportedOperationError("Tasks are listed by their contextId");
      if (pageToken !== "") throw new RequestMalformedError("There is no such page");
      const chat = await this.#open(contextId, false);
      const turns = await chat.turns(Math.min(Math.max(pageSize, 1), a2aLimits.maxListedTasks));
      const all = await Promise.all(turns.map(({ id }) => chat.turn(id)));
      const tasks = all
        .map((details) => taskOf(contextId, details, historyLength ?? 0))
        .filter((task) => status <= 0 || task.status?.state === status)
        .map((task) => (request.includeArtifacts === true ? task : { ...task, artifacts: [] }));
      return { tasks, nextPageToken: "", pageSize: tasks.length, totalSize: tasks.length };
    });
  }

  cancelTask({ id }: CancelTaskRequest): Promise<Task> {
    return this.#translated(async () => {
      const { chat, contextId, details } = await this.#find(id);
      if (details.turn.settledAt !== undefined) throw new TaskNotCancelableError("The task has ended");
      await chat.cancel(details.turn.id);
      return taskOf(contextId, await chat.turn(details.turn.id), undefined);
    });
  }

  getAuthenticatedExtendedAgentCard(): Promise<AgentCard> {
    return Promise.reject(new ExtendedAgentCardNotConfiguredError());
  }

  createTaskPushNotificationConfig(): Promise<never> {
    return Promise.reject(new PushNotificationNotSupportedError());
  }

  getTaskPushNotificationConfig(): Promise<never> {
    return Promise.reject(new PushNotificationNotSupportedError());
  }

  listTaskPushNotificationConfigs(): Promise<never> {
    return Promise.reject(new PushNotificationNotSupportedError());
  }

  deleteTaskPushNotificationConfig(): Promise<never> {
    return Promise.reject(new PushNotificationNotSupportedError());
  }

  /** Begins a task, or goes on with one that waits for an answer. */
  async #begin({ message }: SendMessageRequest): Promise<Begun> {
    if (message === undefined || message.messageId === "")
      throw new RequestMalformedError("The request has no message with a messageId");
    if (message.taskId !== "") return await this.#reply(message, message.taskId);
    const contextId = message.contextId === "" ? uuidv7(systemClock, systemRandom) : message.contextId;
    checkContextId(contextId);
    const chat = await this.#open(contextId, true);
    const { id } = await chat.prompt(promptOf(message.parts), message.messageId);
    return { chat, contextId, details: await chat.turn(id) };
  }

  async #reply(message: Message, id: string): Promise<Begun> {
    const begun = await this.#find(id);
    if (message.contextId !== "" && message.contextId !== begun.contextId)
      throw new RequestMalformedError("The task belongs to another context");
    const [question] = begun.details.approvals;
    if (question === undefined)
      throw new UnsupportedOperationError("The task waits for no answer. Send a message without a taskId");
    const { approvalId = question.id, approved } = replyIn(message);
    await begun.chat.answer(approvalId, approved);
    return { ...begun, details: await begun.chat.turn(begun.details.turn.id) };
  }

  async #find(id: string): Promise<Begun> {
    const place = readTaskId(id);
    if (place === undefined) throw new TaskNotFoundError(`There is no task "${id}"`);
    const chat = await this.#open(place.contextId, false);
    return { chat, contextId: place.contextId, details: await chat.turn(place.turnId) };
  }

  async *#stream({ chat, contextId, details }: Begun): AsyncGenerator<StreamResponse, void, undefined> {
    const place: TaskPlace = { contextId, turnId: details.turn.id };
    yield { payload: { $case: "task", value: { ...taskOf(contextId, details, undefined), artifacts: [] } } };
    let isFirst = true;
    for await (const chunk of chat.chunks(details)) {
      if (chunk.type === "start" && details.turn.status === "queued")
        yield statusUpdate(place, statusOf(contextId, await chat.turn(place.turnId)));
      if (chunk.type !== "text-delta") continue;
      yield artifactUpdate(place, chunk.delta, !isFirst);
      isFirst = false;
    }
    yield statusUpdate(place, statusOf(contextId, await chat.turn(place.turnId)));
  }

  /** Errors of the actor as those of the protocol. */
  async #translated<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (isUnknown(error)) throw new TaskNotFoundError("There is no such task");
      if (isErrorCode(error, "agent", "unknown_approval") || isErrorCode(error, "agent", "approval_settled"))
        throw new UnsupportedOperationError(error.message);
      if (!isHoldfastError(error)) throw error;
      if (error.statusCode === 401 || error.statusCode === 403) this.#refused(error);
      if (error.statusCode < 500)
        throw new RequestMalformedError(`${error.message} (${error.group}.${error.code})`);
      throw error;
    }
  }
}

function statusUpdate({ contextId, turnId }: TaskPlace, status: TaskStatus): StreamResponse {
  const value = { taskId: taskId({ contextId, turnId }), contextId, status, metadata: undefined };
  return { payload: { $case: "statusUpdate", value } };
}

function artifactUpdate({ contextId, turnId }: TaskPlace, text: string, append: boolean): StreamResponse {
  const head = { taskId: taskId({ contextId, turnId }), contextId };
  const value = {
    ...head,
    artifact: answerOf([textPart(text)]),
    append,
    lastChunk: false,
    metadata: undefined,
  };
  return { payload: { $case: "artifactUpdate", value } };
}

/** A reply is `{ approved, approvalId? }` as data, or "yes" or "no" as text. */
function replyIn({ parts }: Message): { approvalId?: string; approved: boolean } {
  for (const { content } of parts) {
    if (content?.$case === "text" && /^\s*(?:yes|no)\s*$/i.test(content.value))
      return { approved: /yes/i.test(content.value) };
    if (content?.$case !== "data" || typeof content.value !== "object" || content.value === null) continue;
    const { approved, approvalId }: { approved?: unknown; approvalId?: unknown } = content.value;
    if (typeof approved === "boolean")
      return { approved, ...(typeof approvalId === "string" ? { approvalId } : {}) };
  }
  throw new RequestMalformedError(
    'The task waits for { "approved": true } or false as data, or "yes" or "no"',
  );
}
