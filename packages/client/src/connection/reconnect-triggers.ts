/**
 * Browser events that suggest that the network or the user is back. `pageshow` follows a return from the back/forward
 * cache.
 */
const triggerEvents = ["online", "focus", "visibilitychange", "pageshow"] as const;

type ListenerMethod = (name: string, listener: () => void) => void;

interface EventTargetLike {
  readonly addEventListener?: ListenerMethod;
  readonly removeEventListener?: ListenerMethod;
}

/** Calls `listener` on each trigger until the returned function is called. Does nothing outside a browser page. */
export function onReconnectTrigger(listener: () => void): () => void {
  const { window: page } = globalThis as { readonly window?: EventTargetLike };
  for (const name of triggerEvents) page?.addEventListener?.(name, listener);
  return () => {
    for (const name of triggerEvents) page?.removeEventListener?.(name, listener);
  };
}
