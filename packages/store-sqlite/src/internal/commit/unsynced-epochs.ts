/**
 * Epochs that were raised in memory's sight and are not durable yet. Nobody waits for one by itself: no
 * other process can write here, and a commit under the new epoch is durable only with it.
 */
export class UnsyncedEpochs {
  readonly #waiting = new Map<string, Promise<void>>();

  add(actorId: string, raised: Promise<void>): void {
    this.#waiting.set(actorId, raised);
    const ended = () => this.#waiting.get(actorId) === raised && this.#waiting.delete(actorId);
    raised.then(ended, ended);
  }

  /** A commit under the new epoch: where that could not be written, this is why the commit was fenced. */
  before(actorId: string, committed: Promise<void>): Promise<void> {
    const raised = this.#waiting.size === 0 ? undefined : this.#waiting.get(actorId);
    return raised === undefined ? committed : Promise.all([raised, committed]).then(() => undefined);
  }
}
