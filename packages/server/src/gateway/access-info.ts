import type { ActorTarget } from "@holdfast/client";
import type { Namespaces } from "../namespaces/namespaces.ts";
import type { AccessAnswer, AccessInfo } from "./options.ts";

/** What the `access` hook learns of a request. */
export function accessInfo(
  namespaces: Namespaces,
  kind: AccessInfo["kind"],
  exchange: { readonly method: string; header(name: string): string | undefined },
  target: ActorTarget,
  action?: string,
): AccessInfo {
  return {
    kind,
    actor: namespaces.bare(target.name),
    namespace: namespaces.of(target.name),
    key: target.type === "id" ? undefined : target.key,
    id: target.type === "id" ? target.id : undefined,
    action,
    method: exchange.method,
    header: (name) => exchange.header(name),
  };
}

/**
 * Closes a connection when the signal of the `access` hook is aborted: 1012, so that the client reconnects and is asked
 * about again. Returns what stops waiting for it.
 */
export function onAccessChange(
  until: AbortSignal | undefined,
  close: (code: number, reason: string) => void,
): () => void {
  if (until === undefined) return () => {};
  const closeNow = (): void => close(1012, "gateway.access_changed");
  if (until.aborted) queueMicrotask(closeNow);
  else until.addEventListener("abort", closeNow, { once: true });
  return () => until.removeEventListener("abort", closeNow);
}

/** The answer of the `access` hook to a call, which no signal ends. */
export function withoutSignal(asked: AccessAnswer): Promise<void> | undefined {
  return asked instanceof Promise ? asked.then(() => {}) : undefined;
}
