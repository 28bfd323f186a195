import { isThenable } from "../lifecycle/hooks.ts";

// The listener type of the signal itself: with browser types loaded, that of a general event target also accepts null.
type AddArguments = Parameters<AbortSignal["addEventListener"]>;
type RemoveArguments = Parameters<AbortSignal["removeEventListener"]>;
type Listener = AddArguments[1];
type Guard = (event: Event) => void;

interface Containment {
  readonly report: (error: unknown) => void;
  /** The wrapper of each listener: the platform uses its identity to detect a listener that is added twice. */
  readonly guards: WeakMap<object, Guard>;
  /** The value that user code assigned to `onabort`. */
  handler: unknown;
}

const containments = new WeakMap<EventTarget, Containment>();

/**
 * A signal whose listeners may throw. The platform turns an error or rejection of a listener into an uncaught
 * exception, which would end the process and with it all actors. It remains the platform's own signal; only the way
 * listeners are added differs. Signals that user code derives from it with `AbortSignal.any` behave as usual.
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

// An accessor: the platform's types declare a property, which a class cannot override.
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

/** Makes `report` receive the errors of this signal's listeners. Returns the same signal. */
export function containListenerErrors(signal: AbortSignal, report: (error: unknown) => void): AbortSignal {
  containments.set(signal, { report, guards: new WeakMap(), handler: null });
  return Object.setPrototypeOf(signal, UserSignal.prototype);
}

function guarded(signal: AbortSignal, listener: Listener): Listener {
  const containment = containments.get(signal);
  const callable = typeof listener === "function" || (typeof listener === "object" && listener !== null);
  // The platform reports any other kind of listener as an error.
  if (containment === undefined || !callable) return listener;
  const { report, guards } = containment;
  const existing = guards.get(listener);
  if (existing !== undefined) return existing;
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
