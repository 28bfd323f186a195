import { randomUUID } from "node:crypto";
import { callLarge, KeyedActors } from "@holdfast/adapter-kit";
import type { ActorHandle } from "@holdfast/client";
import type {
  AgentInputItem,
  SessionHistoryRewriteArgs,
  SessionHistoryRewriteAwareSession,
  SessionHistoryTransactionArgs,
  SessionHistoryTransactionAwareSession,
} from "@openai/agents-core";
import type { OpenAiAgentsClient, SessionActor } from "./actors.ts";
import { itemOf, itemText } from "./item-text.ts";

/** Options of {@link HoldfastSession}. */
export interface HoldfastSessionOptions {
  /** At most 128 bytes; a new one by default. */
  readonly sessionId?: string;
}

/** A run that can be written as text, such as the `state` of a result. */
export interface WritableRun {
  toString(): string;
}

const defaultRun = "default";

/**
 * A session of the OpenAI Agents SDK in an actor. When a method resolves, what it stored is durable. Errors:
 * `adapter.actor_missing`, `adapter.call_too_large`, `actor.key_too_long`, and those of calls.
 */
export class HoldfastSession
  implements SessionHistoryTransactionAwareSession, SessionHistoryRewriteAwareSession
{
  readonly sessionId: string;
  readonly #sessions: KeyedActors<SessionActor>;

  /** `client` is `registry.client`, or one of `createClient` for a registry with `openAiAgentsActors`. */
  constructor(client: OpenAiAgentsClient, options: HoldfastSessionOptions = {}) {
    this.sessionId = options.sessionId ?? randomUUID();
    const source = { name: "openAiSession", factory: "openAiAgentsActors" };
    this.#sessions = new KeyedActors(client.openAiSession, source);
  }

  async getSessionId(): Promise<string> {
    return this.sessionId;
  }

  /** All items, or the latest ones, oldest first. */
  async getItems(limit?: number): Promise<AgentInputItem[]> {
    if (limit !== undefined && limit <= 0) return [];
    const texts = await this.#find((handle) => callLarge(handle, handle.readItems, limit ?? null));
    return (texts ?? []).map(itemOf);
  }

  async addItems(items: AgentInputItem[]): Promise<void> {
    if (items.length === 0) return;
    const texts = items.map(itemText);
    await this.#open((handle) => callLarge(handle, handle.addItems, texts));
  }

  async popItem(): Promise<AgentInputItem | undefined> {
    const text = await this.#find((handle) => callLarge(handle, handle.popItem, undefined));
    return text === undefined || text === null ? undefined : itemOf(text);
  }

  /** Removes the items. Runs that wait for a person stay. */
  async clearSession(): Promise<void> {
    await this.#find((handle) => callLarge(handle, handle.clearItems, undefined));
  }

  /** Throws `openai-agents.operation_differs`, `openai-agents.history_changed`. */
  async applyHistoryTransaction({ operationId, transaction }: SessionHistoryTransactionArgs): Promise<void> {
    const operation =
      transaction.type === "append_items"
        ? { expected: null, items: transaction.items.map(itemText) }
        : {
            expected: transaction.expectedSuffix.map(itemText),
            items: transaction.replacement.map(itemText),
          };
    await this.#open((handle) => callLarge(handle, handle.applyOperation, { id: operationId, ...operation }));
  }

  /** Replaces calls of functions, each by the id of its call; a further item with that id is removed. */
  async applyHistoryMutations({ mutations }: SessionHistoryRewriteArgs): Promise<void> {
    const replacements = mutations.map(({ callId, replacement }) => ({
      callId,
      item: itemText(replacement),
    }));
    await this.#find((handle) => callLarge(handle, handle.replaceCalls, replacements));
  }

  /** Keeps a run that waits for a person: `result.state`. A run of the same name is replaced. */
  async saveRun(run: WritableRun, name: string = defaultRun): Promise<void> {
    const state = run.toString();
    await this.#open((handle) => callLarge(handle, handle.saveRun, { name, state }));
  }

  /** The text of a run, for `RunState.fromString`; undefined if there is none. */
  async loadRun(name: string = defaultRun): Promise<string | undefined> {
    return (await this.#find((handle) => callLarge(handle, handle.loadRun, name))) ?? undefined;
  }

  /** Removes a run. One that does not exist is no error. */
  async removeRun(name: string = defaultRun): Promise<void> {
    await this.#find((handle) => callLarge(handle, handle.removeRun, name));
  }

  /** Removes the session: items and runs. */
  async deleteSession(): Promise<void> {
    await this.#find((handle) => handle.destroy());
  }

  async #find<T>(call: (handle: ActorHandle<SessionActor>) => Promise<T>): Promise<T | undefined> {
    return await this.#sessions.find([this.sessionId], call);
  }

  async #open<T>(call: (handle: ActorHandle<SessionActor>) => Promise<T>): Promise<T> {
    return await this.#sessions.open([this.sessionId], call);
  }
}
