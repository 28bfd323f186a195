import { isThenable } from "../lifecycle/hooks.ts";

// Of the signal itself: where the types of a browser are loaded, those of any target take null too.
type AddArguments = Parameters<AbortSignal["addEventListener"]>;
type RemoveArguments = Parameters<AbortSignal["removeEventListener"]>;
type Listener = AddArguments[1];
type Guard = (event: Event) => void;

interface Containment {
  readonly report: (error: unknown) => void;
  /** What stands for each listener of the user: by it the platform tells whether one is added twice. */
  readonly guards: WeakMap<object, Guard>;
  /** What user code has set as `onabort`. */
  handler: unknown;
}

const containments = new WeakMap<EventTarget, Containment>();

/**
 * A signal whose listeners may throw. Of what a listener throws, or a promise that it returns rejects with,
 * the platform makes an uncaught exception, which would end the process of all actors. It stays the platform's
 * own signal for whoever takes one: only how listeners are added differs. Those of a signal that user code
 * derives from it, by `AbortSignal.any`, are the platform's.
 */
class UserSignal extends AbortSignal {
  override addEventListener(...[type, listener, options]: AddArguments): void {
    super.addEventListener(type, guarded(this, listener), options);
  }

  override removeEventListener(...[type, listener, options]: RemoveArguments): void {
    super.removeEventListener(type, guarded(this, listener), options);
  }
}

const platformHandler = Object.getOwnPropertyDescriptor(AbortSignal.prototype, "onabort");

// An accessor: the types of the platform have it as a property, which a class cannot override.
Object.defineProperty(UserSignal.prototype, "onabort", {
  configurable: true,
  enumerable: true,
  get(this: AbortSignal): unknown {
    return containments.get(this)?.handler ?? null;
  },
  set(this: AbortSignal, value: unknown) {
    const handler = typeof value === "function" ? value : null;
    const containment = containments.get(this);
    if (containment !== undefined) containment.handler = handler;
    platformHandler?.set?.call(this, handler === null ? null : guarded(this, handler as Guard));
  },
});

/** Has `report` told what listeners of this signal throw. It is the same signal. */
export function containListenerErrors(signal: AbortSignal, report: (error: unknown) => void): AbortSignal {
  containments.set(signal, { report, guards: new WeakMap(), handler: null });
  return Object.setPrototypeOf(signal, UserSignal.prototype);
}

function guarded(signal: AbortSignal, listener: Listener): Listener {
  const containment = containments.get(signal);
  const callable = typeof listener === "function" || (typeof listener === "object" && listener !== null);
  // The platform says what is wrong with anything else.
  if (containment === undefined || !callable) return listener;
  const { report, guards } = containment;
  const known = guards.get(listener);
  if (known !== undefined) return known;
  const guard: Guard = (event) => {
    try {
      const result: unknown =
        typeof listener === "function" ? listener.call(signal, event) : listener.handleEvent(event);
      if (isThenable(result)) result.then(undefined, report);
    } catch (error) {
      report(error);
    }
  };
  guards.set(listener, guard);
  return guard;
}
