import { setTimeout as delay } from "node:timers/promises";

/** One event on its way to the receivers of an emulator. */
export interface WebhookDelivery {
  /** The same for every attempt and for every copy. */
  readonly id: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Headers of one attempt, made when it is sent. */
  readonly signed?: () => Readonly<Record<string, string>>;
}

export interface WebhookAttempt {
  readonly id: string;
  /** Status of the answer, or 0 when there was none. */
  readonly status: number;
}

/**
 * Sends events to one URL, each until it is answered with 2xx, at most `maxAttempts` times. Held events are sent in the
 * order that a test chooses: late, twice, backwards, or never.
 */
export class WebhookSender {
  readonly attempts: WebhookAttempt[] = [];
  readonly held: WebhookDelivery[] = [];
  /** Keeps new events in `held` instead of sending them. */
  isHolding = false;
  readonly #url: string;
  readonly #maxAttempts: number;
  readonly #pending = new Set<Promise<void>>();
  readonly #stop = new AbortController();

  constructor(url: string, maxAttempts = 3) {
    this.#url = url;
    this.#maxAttempts = maxAttempts;
  }

  /** Sends an event, or holds it. */
  deliver(delivery: WebhookDelivery): void {
    if (this.isHolding) this.held.push(delivery);
    else this.send(delivery);
  }

  /** Sends an event now, whether it was sent before or not. */
  send(delivery: WebhookDelivery): void {
    const sending = this.#attempt(delivery).finally(() => this.#pending.delete(sending));
    this.#pending.add(sending);
  }

  /** Resolves when everything that was sent has been answered or given up. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.settled();
  }

  async #attempt({ id, body, headers, signed }: WebhookDelivery): Promise<void> {
    for (let attempt = 1; attempt <= this.#maxAttempts && !this.#stop.signal.aborted; attempt += 1) {
      const status = await this.#post(body, { ...headers, ...signed?.() });
      this.attempts.push({ id, status });
      if (status >= 200 && status < 300) return;
      // Backoff; an aborted wait ends the loop above.
      await delay(10 * 2 ** attempt, undefined, { signal: this.#stop.signal }).catch(() => {});
    }
  }

  async #post(body: string, headers: Readonly<Record<string, string>>): Promise<number> {
    try {
      const response = await fetch(this.#url, { method: "POST", body, headers, signal: this.#stop.signal });
      await response.arrayBuffer();
      return response.status;
    } catch {
      return 0;
    }
  }
}
