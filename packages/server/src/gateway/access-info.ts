import type { ActorTarget } from "@holdfast/client";
import type { Namespaces } from "../namespaces/namespaces.ts";
import type { AccessInfo } from "./options.ts";

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
