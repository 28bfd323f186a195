import { useCallback, useSyncExternalStore } from "react";

export interface DraftOptions<T> {
  /** Storage key. */
  readonly key: string;
  readonly empty: T;
  /**
   * Validates a stored value, which another version of the page may have written. Returns undefined if it is unusable.
   */
  readonly read: (kept: unknown) => T | undefined;
  /** The tab's session storage; undefined if the browser forbids it. */
  readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem"> | undefined;
}

/** Unsent input. It outlives the fields that show it: navigation and a reload of the tab restore it. */
export class Draft<T> {
  readonly #options: DraftOptions<T>;
  readonly #listeners = new Set<() => void>();
  #value: T;

  constructor(options: DraftOptions<T>) {
    this.#options = options;
    this.#value = options.read(this.#load()) ?? options.empty;
  }

  get value(): T {
    return this.#value;
  }

  change(change: (value: T) => T): void {
    this.#value = change(this.#value);
    this.#save();
    for (const listener of this.#listeners) listener();
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #load(): unknown {
    try {
      return JSON.parse(this.#options.storage?.getItem(this.#options.key) ?? "null");
    } catch {
      // Foreign or truncated values count as absent.
      return undefined;
    }
  }

  #save(): void {
    const { key, empty, storage } = this.#options;
    try {
      if (this.#value === empty) storage?.removeItem(key);
      else storage?.setItem(key, JSON.stringify(this.#value));
    } catch {
      // A full storage: the draft then lasts as long as the page.
    }
  }
}

/** Returns a draft's value and its setter, which also works after the component has unmounted. */
export function useDraft<T>(draft: Draft<T>): readonly [T, (change: (value: T) => T) => void] {
  const value = useSyncExternalStore(
    useCallback((listener) => draft.subscribe(listener), [draft]),
    () => draft.value,
  );
  return [value, useCallback((change) => draft.change(change), [draft])];
}

/** The tab's session storage; undefined if the browser forbids it. */
export function tabStorage(): Storage | undefined {
  try {
    return window.sessionStorage;
  } catch {
    return undefined;
  }
}
