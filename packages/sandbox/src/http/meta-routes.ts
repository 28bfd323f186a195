import { type Exchange, sendJson, sendJsonText } from "./exchange.ts";
import type { Metrics } from "./metrics.ts";
import type { Route } from "./router.ts";

/** Routes about the server itself: name, health, metrics and OpenAPI document. */
export function metaRoutes(metrics: Metrics): readonly Route[] {
  let text: string | undefined;
  const document = async ({ response }: Exchange) => {
    // Loaded on first use, because most servers never serve it.
    text ??= JSON.stringify((await import("../openapi/document.ts")).openApiDocument());
    sendJsonText(response, text);
  };
  const name = { name: "Holdfast Sandbox", docs: "/openapi.json", openapi: "/openapi.json" };
  return [
    { path: "/", methods: { GET: ({ response }) => sendJson(response, name) } },
    { path: "/v1/health", methods: { GET: ({ response }) => sendJson(response, { status: "ok" }) } },
    { path: "/openapi.json", methods: { GET: document } },
    { path: "/v1/openapi.json", methods: { GET: document } },
    {
      path: "/metrics",
      guarded: true,
      methods: { GET: ({ response }) => sendMetrics(response, metrics.render()) },
    },
  ];
}

function sendMetrics(response: Exchange["response"], text: string): void {
  response.writeHead(200, {
    "content-type": "text/plain; version=0.0.4; charset=utf-8",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}
