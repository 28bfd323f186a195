import { isHoldfastError } from "@holdfast/core";
import { sendJson } from "../../http/exchange.ts";
import { invalid } from "../../http/problem.ts";
import type { Route } from "../../http/router.ts";
import type { SocketExchange } from "../../http/sockets.ts";
import type { DesktopStream } from "./stream.ts";

/** The stream of the active desktop. Throws `conflict` if there is none. */
type ActiveStream = () => DesktopStream;

/** Routes `/v1/desktop/stream`, with the paths and answers of the peer. */
export function streamRoutes(stream: ActiveStream, isActive: () => boolean): readonly Route[] {
  return [
    {
      path: "/v1/desktop/stream/status",
      methods: {
        GET: ({ response }) => sendJson(response, isActive() ? stream().status() : { active: false }),
      },
    },
    {
      path: "/v1/desktop/stream/start",
      methods: { POST: async ({ response }) => sendJson(response, await stream().start()) },
    },
    {
      path: "/v1/desktop/stream/stop",
      methods: {
        POST: async ({ response }) =>
          sendJson(response, isActive() ? await stream().stop() : { active: false }),
      },
    },
    { path: "/v1/desktop/stream/signaling", methods: {}, socket: (exchange) => signal(exchange, stream) },
  ];
}

/** A refusal is told in the protocol, because a browser does not see the answer to its handshake. */
async function signal({ query, accept }: SocketExchange, stream: ActiveStream): Promise<void> {
  const socket = await accept();
  try {
    const viewOnly = query.get("viewOnly") ?? "false";
    if (viewOnly !== "true" && viewOnly !== "false") throw invalid("viewOnly must be true or false");
    await stream().serve(socket, viewOnly === "true");
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    const { message, statusCode, group, code } = error;
    socket.send(JSON.stringify({ event: "system/disconnect", payload: { message } }));
    socket.close(statusCode < 500 ? 1008 : 1011, `${group}.${code}`);
  }
}
