import type { IdleList, Idler } from "./idle-list.ts";

/** Hears of changes in the activity of one actor. */
export interface ActivityListener {
  /** The actor has been idle for the timeout of its idle list. */
  idle(): void;
  /** No user code runs: caches that only running code needs may be released. */
  rested(): void;
}

/** Counts what keeps an actor awake, detects idleness, and resolves when all work has finished. */
export class Activity implements Idler {
  readonly #owner: ActivityListener;
  /** Calls, connections being set up or taken down, promises given to `keepAwake`. */
  #active = 0;
  /** Promises given to `waitUntil`: a stop waits for them, but they do not keep the actor awake. */
  #background = 0;
  #connections = 0;
  /** The `run` handler, while it runs. */
  #runs = 0;
  /** Waits for queue messages: while there is one, the `run` handler does not keep the actor awake. */
  #waits = 0;
  /** Set while idleness is watched. */
  #list: IdleList | undefined;
  #drained: (() => void) | undefined;
  // Fields of `Idler`, written by the idle list.
  before: Idler | undefined;
  after: Idler | undefined;
  idleSince = 0;

  constructor(owner: ActivityListener) {
    this.#owner = owner;
  }

  begin(): void {
    this.#active++;
  }

  end(): void {
    this.#active--;
    this.recheck();
  }

  connected(): void {
    this.#connections++;
  }

  disconnected(): void {
    this.#connections--;
    this.recheck();
  }

  runBegan(): void {
    this.#runs++;
  }

  runEnded(): void {
    this.#runs--;
    this.recheck();
  }

  /** The `run` handler waits for a queue message, where it may be put to sleep. */
  waitBegan(): void {
    this.#waits++;
    this.recheck();
  }

  waitEnded(): void {
    this.#waits--;
    this.recheck();
  }

  /** Keeps the actor awake until the promise settles. A value that is not a promise counts as settled. */
  keepAwake(promise: unknown): void {
    this.begin();
    const end = (): void => this.end();
    Promise.resolve(promise).then(end, end);
  }

  waitUntil(promise: unknown): void {
    this.#background++;
    const end = (): void => {
      this.#background--;
      this.recheck();
    };
    Promise.resolve(promise).then(end, end);
  }

  /** True while user code may run. */
  get any(): boolean {
    return this.#active > 0 || this.#background > 0 || this.#runs > 0;
  }

  /** Unfinished work, for the log. */
  get counts(): {
    readonly active: number;
    readonly background: number;
    readonly connections: number;
    readonly runs: number;
  } {
    return {
      active: this.#active,
      background: this.#background,
      connections: this.#connections,
      runs: this.#runs,
    };
  }

  get isIdle(): boolean {
    return this.#active === 0 && this.#connections === 0 && (this.#runs === 0 || this.#waits > 0);
  }

  idle(): void {
    this.#owner.idle();
  }

  /** Starts watching for idleness. */
  watch(list: IdleList): void {
    this.#list = list;
    this.recheck();
  }

  unwatch(): void {
    this.#list?.remove(this);
    this.#list = undefined;
  }

  /**
   * Resolves when no user code runs. Connections do not count; the `run` handler counts only while `withRun`
   * returns true.
   */
  drained(withRun: () => boolean): Promise<void> {
    const finished = (): boolean =>
      this.#active === 0 && this.#background === 0 && (this.#runs === 0 || !withRun());
    if (finished()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#drained = () => {
        if (!finished()) return;
        this.#drained = undefined;
        resolve();
      };
    });
  }

  /** Called after any work ends: checks whether it was the last. */
  recheck(): void {
    this.#drained?.();
    if (!this.any) this.#owner.rested();
    if (this.isIdle) this.#list?.add(this);
  }
}
