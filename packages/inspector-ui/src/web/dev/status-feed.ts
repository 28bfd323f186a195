/** What `holdfast dev` says about the program: its version, why a newer one does not run, and types. */
import type { LinkState } from "@holdfast/web-parts";
import { createContext, useContext, useSyncExternalStore } from "react";
import type { DevStatus } from "../../dev-status.ts";

export interface StatusSnapshot {
  readonly link: LinkState;
  readonly status: DevStatus | undefined;
}

/** Follows the status. The browser reconnects the stream by itself. */
export class StatusFeed {
  readonly #listeners = new Set<() => void>();
  #snapshot: StatusSnapshot = { link: "connecting", status: undefined };

  readonly snapshot = (): StatusSnapshot => this.#snapshot;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Starts to follow; the returned function stops that. */
  start(): () => void {
    const source = new EventSource("/inspector/events");
    source.addEventListener("message", ({ data }) =>
      this.#set({ link: "online", status: JSON.parse(data) as DevStatus }),
    );
    source.addEventListener("error", () => this.#set({ ...this.#snapshot, link: "offline" }));
    return () => source.close();
  }

  #set(snapshot: StatusSnapshot): void {
    this.#snapshot = snapshot;
    for (const listener of this.#listeners) listener();
  }
}

export const FeedContext = createContext<StatusFeed | undefined>(undefined);

/** The status, as it is now. */
export function useFeed(): StatusSnapshot {
  const feed = useContext(FeedContext);
  if (feed === undefined) throw new Error("This component must be inside <FeedContext>");
  return useSyncExternalStore(feed.subscribe, feed.snapshot);
}
