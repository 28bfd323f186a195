/**
 * What a browser tells its pages when a network or a person is back: the network itself, the page that
 * is looked at again, or taken out of the browser's cache of pages.
 */
const comebacks = ["online", "focus", "visibilitychange", "pageshow"] as const;

type Listening = (name: string, listener: () => void) => void;

interface Page {
  readonly addEventListener?: Listening;
  readonly removeEventListener?: Listening;
}

/** Calls `listener` at each comeback until the returned function is called; never where there is no page. */
export function onReconnectTrigger(listener: () => void): () => void {
  const { window: page } = globalThis as { readonly window?: Page };
  for (const name of comebacks) page?.addEventListener?.(name, listener);
  return () => {
    for (const name of comebacks) page?.removeEventListener?.(name, listener);
  };
}
