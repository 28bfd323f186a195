/**
 * Receives spans as the exporter of OpenTelemetry sends them: OTLP/HTTP in JSON (opentelemetry-proto 1.x). No collector
 * can be had from the registries that the tests use.
 */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

export interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
}

interface SentTraces {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string };
      readonly spans: readonly SentSpan[];
    }[];
  }[];
}

export interface OtlpReceiver {
  readonly url: string;
  readonly spans: readonly SentSpan[];
  /** How many requests it has refused, as a collector that starts does. */
  readonly refused: number;
  close(): void;
}

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: SentSpan[] = [];
  let refused = 0;
  const take = async (request: IncomingMessage): Promise<number> => {
    assert.equal(`${request.method} ${request.url}`, "POST /v1/traces");
    const { resourceSpans } = (await json(request)) as SentTraces;
    if (refused === 0) {
      refused += 1;
      return 503;
    }
    const scopes = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans);
    spans.push(...scopes.flatMap((each) => each.spans));
    return 200;
  };
  const server: Server = createServer((request, response) => {
    void take(request).then(
      (status) => response.writeHead(status, { "content-type": "application/json" }).end("{}"),
      (error: unknown) => response.writeHead(400).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1/traces`,
    spans,
    get refused() {
      return refused;
    },
    close() {
      server.close();
    },
  };
}
