import type { AuthContext, AuthIntent, AuthOptions } from "@holdfast/actors";
import type { ActorTarget } from "@holdfast/client";
import type { RouteHost } from "./route-host.ts";

interface AuthQuestion {
  readonly intents: readonly AuthIntent[];
  readonly target: ActorTarget;
  readonly params: unknown;
  /** Created on demand. */
  readonly request: () => Request;
}

/**
 * Calls the definition's `onAuth` at the gateway, so that no actor is woken or created for a caller that it refuses.
 * Calls `next` with its result, or immediately if there is no hook. Calls within this process are not checked.
 */
export function authenticate(
  gateway: Pick<RouteHost, "directory" | "authHook">,
  question: AuthQuestion,
  next: (auth: unknown) => void,
  refuse: (error: unknown) => void,
): void {
  const { target } = question;
  const onAuth = gateway.authHook(target.name);
  if (onAuth === undefined) return next(undefined);
  const intents = new Set(question.intents);
  if (target.type === "getOrCreate") intents.add("create");
  const asked = async (): Promise<unknown> => {
    const request = question.request();
    const options: AuthOptions = { req: request, request, params: question.params, intents };
    const context: AuthContext = {
      ...options,
      name: gateway.directory.namespaces.bare(target.name),
      key: target.type === "id" ? undefined : target.key,
      actorId: target.type === "id" ? target.id : undefined,
      log: gateway.directory.ports.log.child({ actor: target.name }),
    };
    return onAuth(context, options);
  };
  asked().then(next).catch(refuse);
}
