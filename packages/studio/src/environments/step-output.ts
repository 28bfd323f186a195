/** The most that one record has, in characters: it fits into one message to an actor. */
const maxRecord = 16_000;

/** Collects the output of a step, and records it in pieces: at most one at a time, and not more often than `everyMs`. */
export class StepOutput {
  readonly #record: (text: string) => Promise<void>;
  readonly #everyMs: number;
  #pending = "";
  #timer: NodeJS.Timeout | undefined;
  #recording: Promise<void> | undefined;

  constructor(record: (text: string) => Promise<void>, everyMs: number) {
    this.#record = record;
    this.#everyMs = everyMs;
  }

  add(text: string): void {
    // Only the end is kept, so that a step that writes quickly fills no memory.
    this.#pending = (this.#pending + text).slice(-maxRecord);
    this.#schedule();
  }

  /** Records what is left. Throws what the last record threw. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#recording;
    const text = this.#pending;
    this.#pending = "";
    this.#timer = undefined;
    if (text !== "") await this.#record(text);
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#recording !== undefined || this.#pending === "") return;
    this.#timer = setTimeout(() => this.#flush(), this.#everyMs);
  }

  #flush(): void {
    this.#timer = undefined;
    const text = this.#pending;
    this.#pending = "";
    // A failure is that of the actor, which the end of the step meets too.
    this.#recording = this.#record(text)
      .catch(() => {})
      .finally(() => {
        this.#recording = undefined;
        this.#schedule();
      });
  }
}
