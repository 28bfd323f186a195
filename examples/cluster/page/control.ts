/** The page's view of the nodes, and its buttons. */
import { useSyncExternalStore } from "react";
import type { ControlState, Fault } from "../control.ts";
import { note } from "./timeline.ts";

let state: ControlState | undefined;
const listeners = new Set<() => void>();

/** What a person has just asked for, in words. */
const words: Readonly<Record<Fault, string>> = {
  kill: "killed with SIGKILL",
  freeze: "frozen with SIGSTOP",
  thaw: "goes on with SIGCONT",
  drain: "was asked to hand over its actors",
  stop: "was asked to end with SIGTERM",
  start: "is started",
  "cut-database": "is cut off from the database",
  "heal-database": "reaches the database again",
  "cut-nodes": "is cut off from the other nodes",
  "heal-nodes": "reaches the other nodes again",
};

export function followControl(): void {
  const events = new EventSource("/control/state");
  events.addEventListener("message", ({ data }) => {
    state = JSON.parse(String(data)) as ControlState;
    for (const listener of listeners) listener();
  });
}

export function useControl(): ControlState | undefined {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}

export async function inject(node: string, fault: Fault): Promise<void> {
  note(`${node} ${words[fault]}`, "fault");
  const query = new URLSearchParams({ node, fault });
  await fetch(`/control/fault?${query}`, { method: "POST", headers: { "x-demo": "1" } });
}
