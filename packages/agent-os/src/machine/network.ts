import { randomBytes } from "node:crypto";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { HoldfastError } from "@holdfast/core";
import { openTunnel } from "@holdfast/sandbox";
import { invalid } from "../errors.ts";
import type { Machine } from "../host/machine.ts";
import { agentOsLimits } from "../limits.ts";
import type { PreviewUrl, VmFetchResponse } from "../types.ts";
import { readContent, readPort, readRecord, readText, readVariables } from "./input.ts";
import type { Vm } from "./vm.ts";

export interface PreviewSettings {
  readonly defaultExpiresInSeconds: number;
  readonly maxExpiresInSeconds: number;
}

interface Outgoing {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Readable | string | Uint8Array;
}

/** Headers that belong to one connection. */
const hopHeaders = new Set([
  ...["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"],
  ...["transfer-encoding", "upgrade", "host", "content-length"],
]);
const cors = {
  "access-control-allow-origin": "*",
  "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
  "access-control-allow-headers": "*",
};

/** Requests from outside to servers that run in a machine. */
export class Network {
  readonly #vm: Vm;
  readonly #settings: PreviewSettings;

  constructor(vm: Vm, settings: PreviewSettings) {
    this.#vm = vm;
    this.#settings = settings;
  }

  /** Sends a request to a port on the machine's loopback. `url` is a path, or a URL whose host is ignored. */
  async fetch(port: unknown, url: unknown, given: unknown): Promise<VmFetchResponse> {
    const number = readPort(port);
    const { method, headers, body } =
      given === undefined ? ({} as Record<string, unknown>) : readRecord(given, "the options");
    const outgoing: Outgoing = {
      method: method === undefined ? "GET" : readText(method, "The method").toUpperCase(),
      path: pathOf(readText(url, "The URL")),
      headers: readVariables(headers),
      ...(body === undefined ? {} : { body: readContent(body, "body") }),
    };
    return this.#vm.use(async (_client, machine) => {
      const answer = await send(machine, number, outgoing);
      const parts: Buffer[] = [];
      let size = 0;
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > agentOsLimits.maxFetchBytes) {
          answer.destroy();
          throw invalid(`The answer is larger than ${agentOsLimits.maxFetchBytes} bytes: use a preview URL`);
        }
        parts.push(chunk);
      }
      return {
        status: answer.statusCode ?? 502,
        statusText: answer.statusMessage ?? "",
        headers: Object.fromEntries(headersOf(answer)),
        body: new Uint8Array(Buffer.concat(parts)),
      };
    });
  }

  /** Makes a URL by which anybody reaches a port until it expires. */
  async createPreview(port: unknown, expiresInSeconds: unknown): Promise<PreviewUrl> {
    const number = readPort(port);
    const { defaultExpiresInSeconds, maxExpiresInSeconds } = this.#settings;
    const seconds = expiresInSeconds ?? defaultExpiresInSeconds;
    if (!(typeof seconds === "number" && seconds >= 1 && seconds <= maxExpiresInSeconds))
      throw invalid(`expiresInSeconds must be from 1 to ${maxExpiresInSeconds}`);
    const { state } = this.#vm.actor;
    const now = Date.now();
    const open = state.previews.filter(({ expiresAt }) => expiresAt > now);
    if (open.length >= agentOsLimits.maxPreviews)
      throw invalid(`There are ${agentOsLimits.maxPreviews} previews: expire one first`);
    const token = randomBytes(20).toString("hex");
    const expiresAt = now + Math.round(seconds * 1_000);
    state.previews = [...open, { token, port: number, expiresAt }];
    return { path: `/request/fetch/${token}`, token, port: number, expiresAt };
  }

  async expirePreview(token: unknown): Promise<void> {
    const { state } = this.#vm.actor;
    state.previews = state.previews.filter((preview) => preview.token !== token);
  }

  /** Answers a request to a preview URL. */
  async answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const [, token, rest = "/"] = /^\/fetch\/([0-9a-z]+)(\/.*)?$/.exec(url.pathname) ?? [];
    if (token === undefined) return new Response("Not found\n", { status: 404 });
    if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: cors });
    const now = Date.now();
    const preview = this.#vm.actor.state.previews.find(
      (each) => each.token === token && each.expiresAt > now,
    );
    if (preview === undefined)
      return new Response("This preview has expired\n", { status: 403, headers: cors });
    const headers = [...request.headers].filter(([name]) => !hopHeaders.has(name));
    const body = request.body as Parameters<typeof Readable.fromWeb>[0] | null;
    const { machine } = await this.#vm.live();
    const answer = await send(machine, preview.port, {
      method: request.method,
      path: rest + url.search,
      headers: Object.fromEntries(headers),
      ...(body === null ? {} : { body: Readable.fromWeb(body) }),
    });
    const status = answer.statusCode ?? 502;
    const isEmpty = status === 204 || status === 205 || status === 304 || request.method === "HEAD";
    if (isEmpty) answer.resume();
    return new Response(isEmpty ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array>), {
      status,
      statusText: answer.statusMessage ?? "",
      headers: [...headersOf(answer), ...Object.entries(cors)],
    });
  }
}

function pathOf(url: string): string {
  if (!URL.canParse(url, "http://localhost")) throw invalid("The URL is not valid");
  const { pathname, search } = new URL(url, "http://localhost");
  return pathname + search;
}

/** Sends a request to a port; resolves with the head of the answer. Throws `agent_os.port_unreachable`. */
async function send(machine: Machine, port: number, outgoing: Outgoing): Promise<IncomingMessage> {
  const { body, path, method } = outgoing;
  try {
    const stream = await openTunnel(machine, port);
    const request = httpRequest({
      createConnection: () => stream,
      ...{ method, path },
      headers: { ...outgoing.headers, host: `localhost:${port}`, connection: "close" },
    });
    return await new Promise<IncomingMessage>((resolve, reject) => {
      request.once("response", resolve);
      request.on("error", reject);
      if (body instanceof Readable) pipeline(body, request).catch(reject);
      else request.end(body);
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `Nothing answers on port ${port} of the machine: ${why}`;
    throw new HoldfastError("agent_os", "port_unreachable", message, { statusCode: 502, cause: error });
  }
}

function headersOf(answer: IncomingMessage): [string, string][] {
  const headers: [string, string][] = [];
  for (let at = 0; at + 1 < answer.rawHeaders.length; at += 2) {
    const name = (answer.rawHeaders[at] ?? "").toLowerCase();
    if (!hopHeaders.has(name)) headers.push([name, answer.rawHeaders[at + 1] ?? ""]);
  }
  return headers;
}
