/**
 * Epochs that were raised but are not durable yet. No caller waits for one by itself: no other process can write here,
 * and a commit with the new epoch is durable only together with it.
 */
export class UnsyncedEpochs {
  readonly #waiting = new Map<string, Promise<void>>();

  add(actorId: string, raised: Promise<void>): void {
    this.#waiting.set(actorId, raised);
    const ended = () => this.#waiting.get(actorId) === raised && this.#waiting.delete(actorId);
    raised.then(ended, ended);
  }

  /** The reason why the epoch could not be written, for commits that were fenced because of it. */
  before(actorId: string, committed: Promise<void>): Promise<void> {
    const raised = this.#waiting.size === 0 ? undefined : this.#waiting.get(actorId);
    return raised === undefined ? committed : Promise.all([raised, committed]).then(() => undefined);
  }
}
