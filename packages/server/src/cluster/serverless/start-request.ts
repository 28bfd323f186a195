import { HoldfastError } from "@holdfast/core";
import { serverLimits } from "../../limits.ts";
import type { ClusterSecrets } from "../links/handshake.ts";

/** The body of `POST /start`, with which a node of the cluster starts this one. Times are in milliseconds. */
export interface StartRequest {
  readonly protocol: number;
  /** Id of the node that sends it. */
  readonly node: string;
  readonly pool: string;
  /** How long the response may last. */
  readonly lifespanMs: number;
  /** The end of that time, in which the node hands over its actors. */
  readonly graceMs: number;
  /** Time of its sender, since the epoch. */
  readonly issuedAt: number;
}

/** One event of the response, a stream of server-sent events. */
export type StartEvent =
  /** This node has joined, and takes actors. */
  | { readonly event: "started"; readonly node: string }
  | { readonly event: "ping" }
  /** It hands over its actors; the response ends when it has left. */
  | { readonly event: "stopping" };

export const startProtocol = 1;
/** Path below the mount of the registry. */
export const startPath = "/start";

const keyHeader = "x-holdfast-start-key";
const proofHeader = "x-holdfast-start-proof";
/** Difference of clocks at which a request counts as an old one that somebody repeats. */
const maxAgeMs = 300_000;

export function encodeStart(
  request: Omit<StartRequest, "protocol">,
  secrets: ClusterSecrets,
): { readonly body: string; readonly headers: Readonly<Record<string, string>> } {
  const body = JSON.stringify({ protocol: startProtocol, ...request });
  const { key, proof } = secrets.sign(body);
  return {
    body,
    headers: { "content-type": "application/json", [keyHeader]: key, [proofHeader]: proof },
  };
}

/**
 * Reads and checks a start request; `now` is the time in milliseconds since the epoch. Throws
 * `message.incoming_too_long`, `cluster.secret_mismatch`, `cluster.invalid_start`.
 */
export async function readStart(
  request: Request,
  secrets: ClusterSecrets,
  now: number,
): Promise<StartRequest> {
  const body = await readBody(request);
  const [key, proof] = [request.headers.get(keyHeader) ?? "", request.headers.get(proofHeader) ?? ""];
  if (!secrets.checkSigned(body, key, proof)) throw notSigned();
  const start = parse(body);
  if (Math.abs(now - start.issuedAt) > maxAgeMs) {
    throw invalidStart(
      "The start request is older than five minutes, or the clocks of the two machines differ by more than that",
    );
  }
  return start;
}

async function readBody(request: Request): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > serverLimits.maxStartBytes) {
      const message = `The body of a start request is longer than ${serverLimits.maxStartBytes} bytes`;
      throw new HoldfastError("message", "incoming_too_long", message, { statusCode: 413 });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parse(body: string): StartRequest {
  const { protocol, node, pool, lifespanMs, graceMs, issuedAt } = JSON.parse(body) as Partial<StartRequest>;
  if (protocol !== startProtocol) {
    throw invalidStart(`This release reads version ${startProtocol} of start requests, not ${protocol}`);
  }
  if (
    typeof node !== "string" ||
    typeof pool !== "string" ||
    !isDuration(lifespanMs) ||
    !isDuration(graceMs) ||
    !isDuration(issuedAt)
  ) {
    throw invalidStart("The start request lacks a field");
  }
  return { protocol, node, pool, lifespanMs, graceMs, issuedAt };
}

function isDuration(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

export function encodeEvent(event: StartEvent): Uint8Array {
  return Buffer.from(`event: ${event.event}\ndata: ${JSON.stringify(event)}\n\n`);
}

/** Reads the events of a response, whatever the pieces in which they arrive. */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<StartEvent> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > serverLimits.maxStartBytes) throw new RangeError("An event is too long");
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1];
      text = text.slice(end + 2);
      if (data !== undefined) yield JSON.parse(data) as StartEvent;
    }
  }
}

function notSigned(): HoldfastError {
  const message =
    "The start request is not signed with the secret of this cluster. Set HOLDFAST_CLUSTER_SECRET to the same value on all nodes";
  return new HoldfastError("cluster", "secret_mismatch", message, { statusCode: 401 });
}

function invalidStart(message: string): HoldfastError {
  return new HoldfastError("cluster", "invalid_start", message, { statusCode: 400 });
}
