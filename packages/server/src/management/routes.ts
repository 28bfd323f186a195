import type { ActorTarget } from "@holdfast/client";

/** The management or inspector operation that a path stands for. */
export type ManagementRoute =
  | { readonly kind: "management"; readonly of: "collection"; readonly verb: string; readonly query: string }
  | {
      readonly kind: "management";
      readonly of: "actor";
      readonly verb: string;
      readonly target: ActorTarget;
      readonly query: string;
    }
  | {
      readonly kind: "management";
      readonly of: "inspector";
      readonly target: ActorTarget;
      /** Path below `/inspector`; begins with a slash. */
      readonly path: string;
      readonly query: string;
    };

const actorPath = /^\/actors\/([^/]+)\/([^/]+)\/(inspector|sleep|move|status|fork|export)(\/.*)?$/;
/** Operations on complete actors. */
export const collectionPath = /^\/actors(?:\/(count|names|import))?\/?$/;

/** Undefined for any other path. `readTarget` parses the name and the actor of a path. */
export function readManagement(
  path: string,
  query: string,
  readTarget: (name: string, actor: string) => ActorTarget,
): ManagementRoute | undefined {
  const collection = collectionPath.exec(path);
  if (collection !== null) {
    return { kind: "management", of: "collection", verb: collection[1] ?? "list", query };
  }
  const actor = actorPath.exec(path);
  if (actor === null) return undefined;
  const [, name = "", id = "", verb = "", rest] = actor;
  if (verb !== "inspector" && rest !== undefined) return undefined;
  const target = readTarget(name, id);
  if (verb !== "inspector") return { kind: "management", of: "actor", verb, target, query };
  return { kind: "management", of: "inspector", target, path: rest ?? "/summary", query };
}
