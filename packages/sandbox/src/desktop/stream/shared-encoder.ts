import { Mutex } from "../../internal/mutex.ts";
import type { Managed } from "../../processes/managed.ts";
import { captureEnded } from "./ffmpeg.ts";

/** An encoder that runs. */
export interface RunningEncoder {
  readonly process: Managed;
  end(): Promise<void>;
}

/** One encoder for all who use it: started with the first, ended with the last. */
export class SharedEncoder {
  readonly #start: () => Promise<RunningEncoder>;
  readonly #onFailure: (message: string) => void;
  readonly #transitions = new Mutex();
  readonly #users = new Set<object>();
  #running: RunningEncoder | undefined;

  /** `onFailure` is called when the encoder ends by itself. It has no users then. */
  constructor(start: () => Promise<RunningEncoder>, onFailure: (message: string) => void) {
    this.#start = start;
    this.#onFailure = onFailure;
  }

  get processId(): string | undefined {
    return this.#running?.process.id;
  }

  /** Resolves when the encoder runs. */
  async use(user: object): Promise<void> {
    await this.#transitions.run(async () => {
      if (this.#running === undefined) {
        const encoder = await this.#start();
        this.#running = encoder;
        void captureEnded(encoder.process).then((message) => this.#onEnded(encoder, message));
      }
      this.#users.add(user);
    });
  }

  /** Idempotent. */
  async leave(user: object): Promise<void> {
    await this.#transitions.run(async () => {
      if (!this.#users.delete(user) || this.#users.size > 0) return;
      await this.#end();
    });
  }

  async end(): Promise<void> {
    await this.#transitions.run(async () => {
      this.#users.clear();
      await this.#end();
    });
  }

  async #end(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.end();
  }

  async #onEnded(encoder: RunningEncoder, message: string): Promise<void> {
    await this.#transitions.run(async () => {
      if (this.#running !== encoder) return;
      this.#users.clear();
      await this.#end();
      this.#onFailure(message);
    });
  }
}
