import { callLarge, type KeyedActors } from "@holdfast/adapter-kit";
import type { ActorKey } from "@holdfast/core";
import { ThreadStateStorage } from "@mastra/core/storage";
import type { MastraClient } from "../actors.ts";
import type { memoryActor } from "./memory-actor.ts";
import { memoryActors } from "./memory-storage.ts";

interface Address {
  readonly threadId: string;
  readonly type: string;
}

/** Keeps what belongs to a thread besides its messages, such as tasks and goals. */
export class HoldfastThreadStates extends ThreadStateStorage {
  readonly #actors: KeyedActors<ReturnType<typeof memoryActor>>;
  readonly #key: ActorKey;

  constructor(client: MastraClient, key: ActorKey) {
    super();
    this.#actors = memoryActors(client);
    this.#key = key;
  }

  /** Tables are made when the actor starts. */
  async init(): Promise<void> {}

  async getState<T = unknown>({ threadId, type }: Address): Promise<T | undefined> {
    const text = await this.#actors.open(this.#key, (handle) =>
      callLarge(handle, handle.readState, { threadId, type }),
    );
    return text === null ? undefined : JSON.parse(text);
  }

  async setState<T = unknown>({ threadId, type, value }: Address & { value: T }): Promise<void> {
    const state = { threadId, type, value: JSON.stringify(value) ?? null };
    await this.#actors.open(this.#key, (handle) => callLarge(handle, handle.writeState, state));
  }

  async deleteState({ threadId, type }: Address): Promise<void> {
    const state = { threadId, type, value: null };
    await this.#actors.open(this.#key, (handle) => callLarge(handle, handle.writeState, state));
  }

  async dangerouslyClearAll(): Promise<void> {
    await this.#actors.open(this.#key, (handle) => callLarge(handle, handle.clearStates, undefined));
  }
}
