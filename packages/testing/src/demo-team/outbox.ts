import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { HostedHook, HostedRepository } from "../forge-server/repository.ts";
import { type GitHubEvent, signedDelivery } from "../github/webhooks.ts";

/** A webhook that its receiver has not taken yet. */
export interface PendingDelivery {
  /** The same for every attempt. */
  readonly id: string;
  readonly repository: string;
  readonly hook: number;
  readonly event: GitHubEvent;
}

export interface OutboxOptions {
  readonly repositories: () => readonly HostedRepository[];
  /** Called whenever the list of pending deliveries has changed. */
  readonly onChange: () => void;
}

const firstPauseMs = 50;
const maxPauseMs = 2_000;
/** Deliveries are given up then, as GitHub does at once. */
const maxAttempts = 50;

/** Webhooks in their order, each until its receiver takes it, also across restarts. */
export class Outbox {
  readonly pending: PendingDelivery[];
  readonly #options: OutboxOptions;
  readonly #stop = new AbortController();
  #sending: Promise<void> | undefined;
  #isOpen = false;

  constructor(pending: readonly PendingDelivery[], options: OutboxOptions) {
    this.pending = [...pending];
    this.#options = options;
  }

  /** Adds a delivery for each webhook of the repository that asks for this event. */
  add(repository: HostedRepository, event: GitHubEvent): void {
    for (const { id: hook, events } of repository.hooks) {
      if (events.includes(event.name))
        this.pending.push({ id: randomUUID(), repository: repository.fullName, hook, event });
    }
    this.#wake();
  }

  /** Begins to send. */
  open(): void {
    this.#isOpen = true;
    this.#wake();
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    this.#stop.abort();
    await this.#sending;
  }

  #wake(): void {
    if (!this.#isOpen || this.#sending !== undefined || this.pending.length === 0) return;
    this.#sending = this.#send().finally(() => {
      this.#sending = undefined;
      this.#wake();
    });
  }

  async #send(): Promise<void> {
    for (let next = this.pending[0]; next !== undefined; next = this.pending[0]) {
      await this.#deliver(next);
      if (this.#stop.signal.aborted) return;
      this.pending.shift();
      this.#options.onChange();
    }
  }

  async #deliver({ id, repository, hook, event }: PendingDelivery): Promise<void> {
    const { signal } = this.#stop;
    for (let attempt = 0; attempt < maxAttempts && !signal.aborted; attempt += 1) {
      // The secret of now: it may have been replaced since the event.
      const target = this.#hook(repository, hook);
      if (target === undefined) return;
      const { body, headers } = signedDelivery(event, target.secret, id);
      const status = await post(target.url, { body, headers, signal });
      if (status >= 200 && status < 500) return;
      await delay(Math.min(firstPauseMs * 2 ** attempt, maxPauseMs), undefined, { signal }).catch(() => {});
    }
  }

  #hook(fullName: string, id: number): HostedHook | undefined {
    const repository = this.#options.repositories().find((each) => each.fullName === fullName);
    return repository?.hooks.find((hook) => hook.id === id);
  }
}

/** Status of the answer, or 0 when there was none. */
async function post(
  url: string,
  request: Pick<RequestInit, "body" | "headers"> & { readonly signal: AbortSignal },
): Promise<number> {
  try {
    const response = await fetch(url, { ...request, method: "POST" });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return 0;
  }
}
