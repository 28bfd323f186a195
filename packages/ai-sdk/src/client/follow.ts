import type { UIMessage } from "ai";

/** As much of a handle of a chat as following it uses. */
export interface ChatFollower {
  connect(): {
    on(event: "turn" | "removed" | "message", listener: (value: never) => void): unknown;
    onGap(listener: () => void): unknown;
    onOpen(listener: () => void): unknown;
    dispose(): Promise<void>;
  };
  messages(): Promise<UIMessage[]>;
}

/** What `useChat` returns, as much as following uses of it. */
export interface FollowedChat {
  readonly status: "submitted" | "streaming" | "ready" | "error";
  setMessages(messages: UIMessage[]): void;
  resumeStream(): Promise<void>;
}

/**
 * Keeps a page up to date with what others do in the same chat: other tabs, other devices, the program. `current` returns
 * what `useChat` returned last. Returns what ends it.
 */
export function followChat(handle: ChatFollower, current: () => FollowedChat): () => void {
  const connection = handle.connect();
  let isLoading = false;
  let isStale = false;
  const load = async (): Promise<void> => {
    isStale = true;
    if (isLoading) return;
    isLoading = true;
    try {
      while (isStale && isIdle(current())) {
        isStale = false;
        const messages = await handle.messages();
        // What this page sends meanwhile is newer.
        if (!isIdle(current())) return;
        current().setMessages(messages);
        await current().resumeStream();
      }
    } finally {
      isLoading = false;
    }
  };
  const refresh = (): void => void load().catch(() => undefined);
  for (const event of ["turn", "removed", "message"] as const) connection.on(event, refresh);
  connection.onGap(refresh);
  return () => void connection.dispose();
}

function isIdle({ status }: FollowedChat): boolean {
  return status === "ready" || status === "error";
}
