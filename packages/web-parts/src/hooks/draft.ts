import { useCallback, useSyncExternalStore } from "react";

export interface DraftOptions<T> {
  /** Under which it is kept. */
  readonly key: string;
  readonly empty: T;
  /** What was kept, as it is now; undefined where it cannot be used. It may come from another version of the page. */
  readonly read: (kept: unknown) => T | undefined;
  /** The storage of the tab; absent where the browser forbids it. */
  readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem"> | undefined;
}

/**
 * What a person has typed and not sent. It outlives the fields that show it: it is there again when its
 * page is looked at again, and when the tab is loaded anew.
 */
export class Draft<T> {
  readonly #options: DraftOptions<T>;
  readonly #listeners = new Set<() => void>();
  #value: T;

  constructor(options: DraftOptions<T>) {
    this.#options = options;
    this.#value = options.read(this.#kept()) ?? options.empty;
  }

  get value(): T {
    return this.#value;
  }

  change(change: (value: T) => T): void {
    this.#value = change(this.#value);
    this.#keep();
    for (const listener of this.#listeners) listener();
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #kept(): unknown {
    try {
      return JSON.parse(this.#options.storage?.getItem(this.#options.key) ?? "null");
    } catch {
      // Not ours, or cut off: as if nothing had been kept.
      return undefined;
    }
  }

  #keep(): void {
    const { key, empty, storage } = this.#options;
    try {
      if (this.#value === empty) storage?.removeItem(key);
      else storage?.setItem(key, JSON.stringify(this.#value));
    } catch {
      // A full storage: the draft then lasts as long as the page.
    }
  }
}

/** A draft's value, and the way to change it, which works after the component is gone as well. */
export function useDraft<T>(draft: Draft<T>): readonly [T, (change: (value: T) => T) => void] {
  const value = useSyncExternalStore(
    useCallback((listener) => draft.subscribe(listener), [draft]),
    () => draft.value,
  );
  return [value, useCallback((change) => draft.change(change), [draft])];
}

/** The storage of the tab; absent where the browser forbids it. */
export function tabStorage(): Storage | undefined {
  try {
    return window.sessionStorage;
  } catch {
    return undefined;
  }
}
