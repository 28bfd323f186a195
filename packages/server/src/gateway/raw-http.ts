import { type ActorTarget, header } from "@holdfast/client";
import { serverLimits } from "../limits.ts";
import { cancelled } from "../sessions/session-errors.ts";
import { authenticate } from "./auth.ts";
import { actorUrl, type Exchange, paramsOf, visibleError } from "./http/exchange.ts";
import type { RawRoute } from "./route.ts";
import type { RouteHost } from "./route-host.ts";

/** Passes a request to `onRequest`, and sends its response; the access hook has allowed it. */
export function serveRaw(
  gateway: RouteHost,
  exchange: Exchange,
  route: RawRoute,
  headers: Readonly<Record<string, string>>,
): void {
  const { directory, options } = gateway;
  const gone = new AbortController();
  exchange.onGone(() => gone.abort(cancelled()));
  const fail = (error: unknown): void => {
    const visible = visibleError(error, directory.ports);
    // Tells our clients that the response is not from user code.
    const marked = { ...headers, [header.error]: `${visible.group}.${visible.code}` };
    gateway.fail(exchange, visible, marked);
  };
  try {
    const maxBytes = options.maxRequestBodyBytes ?? serverLimits.maxRawBodyBytes;
    const request = exchange.request(actorUrl(exchange, route.path), gone.signal, maxBytes);
    request.headers.delete(header.requestOrigin);
    const params = paramsOf(exchange);
    const skipReadyWait = exchange.header(header.skipReadyWait) === "true";
    const serve = (auth: unknown): void => {
      directory
        .request(route.target, { request, params, auth, signal: gone.signal, skipReadyWait })
        .then((response) => exchange.replyWith(response, { ...headers, ...actorHeaders(route.target) }))
        .catch(fail);
    };
    // The body belongs to the actor: `onAuth` sees only the head of the request.
    const head = (): Request => new Request(request.url, { headers: request.headers });
    authenticate(gateway, { intents: ["action"], target: route.target, params, request: head }, serve, fail);
  } catch (error) {
    fail(error);
  }
}

function actorHeaders(target: ActorTarget): Readonly<Record<string, string>> {
  return target.type === "id" ? { "x-holdfast-actor": target.id } : {};
}
