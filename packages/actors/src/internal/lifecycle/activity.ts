import type { IdleList, Idler } from "./idle-list.ts";

/** Hears of changes in the activity of one actor. */
export interface ActivityListener {
  /** The actor has been idle for the timeout of its idle list. */
  idle(): void;
  /** No user code runs: caches that only running code needs may be released. */
  rested(): void;
}

/** Activity that few actors have: one object, so that the others do without its fields. */
interface RareActivity {
  /** Promises given to `waitUntil`: a stop waits for them, but they do not keep the actor awake. */
  background: number;
  /** 1 while the `run` handler runs. */
  runs: number;
  /** Waits for queue messages: while there is one, the `run` handler does not keep the actor awake. */
  waits: number;
  /** Checks whether the work that a stop waits for has finished. */
  drained: (() => void) | undefined;
}

const none: Readonly<RareActivity> = { background: 0, runs: 0, waits: 0, drained: undefined };

/** Counts what keeps an actor awake, detects idleness, and resolves when all work has finished. */
export class Activity implements Idler {
  readonly #owner: ActivityListener;
  /** Calls, connections being set up or taken down, promises given to `keepAwake`. */
  #active = 0;
  #connections = 0;
  #rare: RareActivity | undefined;
  /** Set while idleness is watched. */
  #list: IdleList | undefined;
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
    this.#rare ??= { ...none };
    this.#rare.runs++;
  }

  runEnded(): void {
    if (this.#rare !== undefined) this.#rare.runs--;
    this.recheck();
  }

  /** The `run` handler waits for a queue message, where it may be put to sleep. */
  waitBegan(): void {
    this.#rare ??= { ...none };
    this.#rare.waits++;
    this.recheck();
  }

  waitEnded(): void {
    if (this.#rare !== undefined) this.#rare.waits--;
    this.recheck();
  }

  /** Keeps the actor awake until the promise settles. A value that is not a promise counts as settled. */
  keepAwake(promise: unknown): void {
    this.begin();
    const end = (): void => this.end();
    Promise.resolve(promise).then(end, end);
  }

  waitUntil(promise: unknown): void {
    this.#rare ??= { ...none };
    const rare = this.#rare;
    rare.background++;
    const end = (): void => {
      rare.background--;
      this.recheck();
    };
    Promise.resolve(promise).then(end, end);
  }

  /** True while user code may run. */
  get any(): boolean {
    if (this.#active > 0) return true;
    const rare = this.#rare;
    return rare !== undefined && (rare.background > 0 || rare.runs > 0);
  }

  /** Unfinished work, for the log. */
  get counts(): {
    readonly active: number;
    readonly background: number;
    readonly connections: number;
    readonly runs: number;
  } {
    const { background, runs } = this.#rare ?? none;
    return { active: this.#active, background, connections: this.#connections, runs };
  }

  get isIdle(): boolean {
    if (this.#active > 0 || this.#connections > 0) return false;
    const { runs, waits } = this.#rare ?? none;
    return runs === 0 || waits > 0;
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
    this.#rare ??= { ...none };
    const rare = this.#rare;
    const finished = (): boolean =>
      this.#active === 0 && rare.background === 0 && (rare.runs === 0 || !withRun());
    if (finished()) return Promise.resolve();
    return new Promise((resolve) => {
      rare.drained = () => {
        if (!finished()) return;
        rare.drained = undefined;
        resolve();
      };
    });
  }

  /** Called after any work ends: checks whether it was the last. */
  recheck(): void {
    this.#rare?.drained?.();
    if (!this.any) this.#owner.rested();
    if (this.isIdle) this.#list?.add(this);
  }
}
