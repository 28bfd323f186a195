import { HoldfastError, type Tasks } from "@holdfast/core";

export interface SessionReadsOptions {
  readonly tasks: Tasks;
  /** True while the session is valid: see `Membership`. */
  isValid(): boolean;
  /** How long a read without a valid session may take, in milliseconds. */
  readonly waitMs: number;
}

/**
 * Reads of the store by a node. It can take minutes until a connection without an answer is given up; who reads does not
 * wait that long, because another node can answer.
 */
export class SessionReads {
  readonly #options: SessionReadsOptions;
  readonly #pending = new Set<() => void>();

  constructor(options: SessionReadsOptions) {
    this.#options = options;
  }

  /** The outcome of a read. Throws `store.unavailable` too, when the session ends or does not come back before it. */
  run<T>(reading: Promise<T>): Promise<T> {
    const { tasks, waitMs } = this.#options;
    return new Promise((resolve, reject) => {
      const end = (): void => {
        timer?.cancel();
        this.#pending.delete(giveUp);
      };
      const giveUp = (): void => {
        end();
        reject(cutOff());
      };
      const timer = this.#options.isValid()
        ? undefined
        : tasks.after(waitMs, () => {
            if (!this.#options.isValid()) giveUp();
          });
      this.#pending.add(giveUp);
      reading.then(
        (value) => {
          end();
          resolve(value);
        },
        (error: unknown) => {
          end();
          reject(error);
        },
      );
    });
  }

  /** The session was not renewed in time. */
  lost(): void {
    for (const giveUp of [...this.#pending]) giveUp();
  }
}

/** The error of a node that cannot know who serves an actor. Another one can. */
export function cutOff(): HoldfastError {
  const message = "This node does not reach the database, and others may serve its actors by now. Try again";
  return new HoldfastError("store", "unavailable", message, { statusCode: 503 });
}
