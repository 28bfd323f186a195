import { type ActorTarget, header } from "@holdfast/client";
import { serverLimits } from "../limits.ts";
import { cancelled } from "../sessions/session.ts";
import { authenticate } from "./auth.ts";
import { actorUrl, type Exchange, paramsOf, visibleError } from "./http/exchange.ts";
import type { RawRoute } from "./route.ts";
import type { RouteHost } from "./route-host.ts";

/** Hands a request to `onRequest`, and its answer back; the access hook has let it pass. */
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
    // Tells a client of ours that it was not user code that answered.
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
    // The body is the actor's: who asks for the caller sees the head of the request alone.
    const head = (): Request => new Request(request.url, { headers: request.headers });
    authenticate(
      directory,
      { intents: ["action"], target: route.target, params, request: head },
      serve,
      fail,
    );
  } catch (error) {
    fail(error);
  }
}

function actorHeaders(target: ActorTarget): Readonly<Record<string, string>> {
  return target.type === "id" ? { "x-holdfast-actor": target.id } : {};
}
