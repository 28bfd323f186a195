import type { Logger } from "@holdfast/core";

export type GuardMode = "off" | "warn" | "error";

/** One ambient function that is replaced while user code of a workflow is on the stack. */
interface Patch {
  readonly target: object;
  readonly name: string;
  readonly original: unknown;
  readonly replacement: unknown;
}

/**
 * Detects user code of a workflow that reads the time or randomness outside of its steps: such values are not
 * recorded, and a replay may decide differently. Active only while such code is on the stack, from a resolved
 * operation to the next one, so that no other code sees a replaced function.
 */
export class DeterminismGuard {
  readonly #mode: GuardMode;
  readonly #log: () => Logger;
  readonly #found: (error: Error) => void;
  readonly #reported = new Set<string>();
  #patches: Patch[] | undefined;

  constructor(mode: GuardMode, log: () => Logger, found: (error: Error) => void) {
    this.#mode = mode;
    this.#log = log;
    this.#found = found;
  }

  /** Called before user code of the workflow runs on the stack. */
  enter(): void {
    if (this.#mode === "off" || this.#patches !== undefined) return;
    const patches: Patch[] = [];
    this.#patch(patches, "Date", Date, "now", "ctx.now()");
    this.#patch(patches, "Math", Math, "random", "ctx.random()");
    this.#patch(patches, "crypto", globalThis.crypto, "randomUUID", "ctx.uuid()");
    this.#patchConstructor(patches);
    this.#patches = patches;
  }

  #patch(patches: Patch[], owner: string, target: object, name: string, instead: string): void {
    const callText = `${owner}.${name}()`;
    const original: unknown = Reflect.get(target, name);
    if (typeof original !== "function") return;
    const isOwnProperty = Object.hasOwn(target, name);
    const replacement = (...args: unknown[]): unknown => {
      this.leave();
      this.#report(callText, instead);
      return Reflect.apply(original, target, args);
    };
    // If the environment does not allow the replacement, nothing is detected and nothing breaks.
    if (!Reflect.set(target, name, replacement)) return;
    patches.push({ target, name, original: isOwnProperty ? original : undefined, replacement });
  }

  /** A Date without arguments is the current time; any other is not. */
  #patchConstructor(patches: Patch[]): void {
    const original = globalThis.Date;
    const replacement: DateConstructor = new Proxy(original, {
      construct: (target, args, newTarget) => {
        if (args.length === 0) {
          this.leave();
          this.#report(`new ${target.name}()`, "ctx.now()");
        }
        return Reflect.construct(target, args, newTarget === replacement ? target : newTarget);
      },
    });
    if (!Reflect.set(globalThis, "Date", replacement)) return;
    patches.push({ target: globalThis, name: "Date", original, replacement });
  }

  /** Called when user code leaves the stack, or calls an operation. Idempotent. */
  leave(): void {
    const patches = this.#patches;
    if (patches === undefined) return;
    this.#patches = undefined;
    for (const { target, name, original, replacement } of patches) {
      if (Reflect.get(target, name) !== replacement) continue;
      if (original === undefined) Reflect.deleteProperty(target, name);
      else Reflect.set(target, name, original);
    }
  }

  #report(shown: string, instead: string): void {
    const message = `A workflow calls ${shown} outside of a step: a replay may decide differently. Use ${instead}, or a step`;
    if (this.#mode === "error") this.#found(new Error(message));
    if (this.#reported.has(shown)) return;
    this.#reported.add(shown);
    this.#log().warn("workflow is not deterministic", { call: shown, instead });
  }

  /**
   * Guards the code that awaits `promise`: reactions run in the order in which they were added, so those of user code
   * run between these two.
   */
  watch<T>(promise: Promise<T>): Promise<T> {
    if (this.#mode === "off") {
      promise.catch(() => {});
      return promise;
    }
    const enter = (): void => this.enter();
    const leave = (): void => this.leave();
    promise.then(enter, enter);
    // User code adds its reaction right after it gets the promise, before this microtask.
    void Promise.resolve().then(() => promise.then(leave, leave));
    return promise;
  }
}
