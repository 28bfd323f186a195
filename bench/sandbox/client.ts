/** Plain HTTP client with the same cost for every server. */
import { Agent, type ClientRequest, request } from "node:http";
import { ensure } from "../internal/scenario.ts";

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

export interface Answer {
  readonly status: number;
  readonly text: string;
}

export function ask(port: number, method: string, path: string, body?: unknown): Promise<Answer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers =
    text === undefined
      ? {}
      : { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    const outgoing = request({ agent, host: "127.0.0.1", port, method, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }),
      );
    });
    outgoing.on("error", reject);
    outgoing.end(text);
  });
}

/** Returns the JSON of an answer; throws when its status differs. */
export async function expectJson(
  port: number,
  status: number,
  method: string,
  path: string,
  body?: unknown,
): Promise<Record<string, unknown>> {
  const answer = await ask(port, method, path, body);
  ensure(answer.status === status, `${method} ${path} answered ${answer.status}: ${answer.text}`);
  return JSON.parse(answer.text) as Record<string, unknown>;
}

/** Event stream that reports each piece of text when it arrives. */
export class EventStream {
  readonly #request: ClientRequest;

  private constructor(outgoing: ClientRequest) {
    this.#request = outgoing;
  }

  static open(port: number, path: string, onText: (text: string) => void): Promise<EventStream> {
    return new Promise((resolve, reject) => {
      const headers = { accept: "text/event-stream" };
      const outgoing = request({ host: "127.0.0.1", port, path, headers, agent: false }, (response) => {
        if (response.statusCode !== 200) reject(new Error(`${path} answered ${response.statusCode}`));
        response.setEncoding("utf8");
        response.on("data", onText);
        response.on("error", () => {});
        resolve(new EventStream(outgoing));
      });
      outgoing.on("error", reject);
      outgoing.end();
    });
  }

  close(): void {
    this.#request.destroy();
  }
}
