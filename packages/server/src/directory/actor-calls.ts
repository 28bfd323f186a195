import type {
  ActorConnection,
  ActorInstance,
  CancelSignal,
  ConnectionSink,
  ConnectRequest,
  InvokeCall,
} from "@holdfast/actors";
import type { ActorTarget } from "@holdfast/client";
import { isErrorCode, type Tasks } from "@holdfast/core";
import { ownerLost } from "../cluster/placement.ts";
import { serverLimits } from "../limits.ts";
import type { Observer } from "../observe/observer.ts";
import type { LiveActors } from "./live-actors.ts";

/** Called with the encoded result, or with an error that the caller may see. */
export type Done = (error: unknown, result: Uint8Array | undefined) => void;

/**
 * Carries calls, requests and connections to the instances of actors. An instance that is stopping refuses
 * them with `actor.stopping` before anything has run: they then wait for the next instance.
 */
export class ActorCalls {
  readonly #actors: LiveActors;
  readonly #observer: Observer;
  readonly #tasks: Tasks;
  readonly #mayAnswer: (instance: ActorInstance) => boolean;

  /** `mayAnswer` is false when another node may serve the actor by now. */
  constructor(
    actors: LiveActors,
    observer: Observer,
    tasks: Tasks,
    mayAnswer: (instance: ActorInstance) => boolean,
  ) {
    this.#actors = actors;
    this.#observer = observer;
    this.#tasks = tasks;
    this.#mayAnswer = mayAnswer;
  }

  /** Calls an action. `done` is called exactly once. An actor that is awake is called synchronously. */
  dispatch(target: ActorTarget, call: InvokeCall, done: Done): void {
    const instance = this.#actors.awake(target);
    if (instance === undefined) void this.#loadAndInvoke(target, call, done);
    else this.#invoke(instance, target, call, done);
  }

  /** Opens a connection; `sinkFor` makes its sink for the instance that accepts it. */
  async connect(
    target: ActorTarget,
    request: ConnectRequest,
    sinkFor: (instance: ActorInstance) => ConnectionSink,
  ): Promise<ActorConnection> {
    return this.withInstance(target, { signal: request.signal }, (instance) =>
      instance.connect(request, sinkFor(instance)),
    );
  }

  /**
   * Runs `use` with an instance of the actor, and again with the next one if that was stopping. With
   * `skipReadyWait` the first attempt also reaches an instance that is starting or stopping.
   */
  async withInstance<T>(
    target: ActorTarget,
    call: { readonly signal?: CancelSignal | undefined; readonly skipReadyWait?: boolean | undefined },
    use: (instance: ActorInstance) => Promise<T>,
  ): Promise<T> {
    let failures = 0;
    for (let skips = call.skipReadyWait === true; ; skips = false) {
      call.signal?.throwIfAborted();
      const inGrace = skips ? this.#actors.inMemory(target) : undefined;
      const instance = inGrace ?? this.#actors.awake(target) ?? (await this.#actors.load(target));
      try {
        return await use(instance);
      } catch (error) {
        if (!isErrorCode(error, "actor", "stopping")) throw error;
        // The next instance may fail for the same reason, such as a full disk.
        if ((await instance.stopped) === "failed") await this.#pause(failures++);
      }
    }
  }

  #pause(failures: number): Promise<void> {
    const { minReloadMs, maxReloadMs } = serverLimits;
    const ms = Math.min(maxReloadMs, minReloadMs * 2 ** Math.min(failures, 20));
    return new Promise((resolve) => this.#tasks.after(ms, resolve));
  }

  async #loadAndInvoke(target: ActorTarget, call: InvokeCall, done: Done): Promise<void> {
    let instance: ActorInstance;
    try {
      call.signal?.throwIfAborted();
      instance = await this.#actors.load(target);
    } catch (error) {
      done(error, undefined);
      return;
    }
    this.#invoke(instance, target, call, done);
  }

  #invoke(instance: ActorInstance, target: ActorTarget, call: InvokeCall, done: Done): void {
    this.#observer.call(instance, call, (error, result) => {
      if (!isErrorCode(error, "actor", "stopping")) {
        if (this.#mayAnswer(instance)) return done(error, result);
        return done(ownerLost(), undefined);
      }
      return void instance.stopped.then(() => this.#loadAndInvoke(target, call, done));
    });
  }
}
