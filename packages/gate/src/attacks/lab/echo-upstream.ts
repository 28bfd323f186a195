import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { writtenOut } from "./encodings.ts";

/** A model server on the host that behaves as attackers hope: it echoes every key that it receives. */
export interface EchoUpstream {
  readonly url: string;
  /** Methods and paths of the requests that reached it. */
  readonly reached: readonly string[];
  /** Method override fields in those requests. */
  readonly overrides: readonly string[];
  /** Keys in those requests. */
  readonly keys: readonly string[];
  close(): Promise<void>;
}

export async function startEchoUpstream(): Promise<EchoUpstream> {
  const reached: string[] = [];
  const overrides: string[] = [];
  const keys: string[] = [];
  const server = createServer((request, response) => {
    const answer = async () => {
      const body = await text(request);
      const key = String(request.headers["x-api-key"] ?? request.headers.authorization ?? "");
      reached.push(`${request.method} ${request.url}`);
      overrides.push(...Object.keys(request.headers).filter((name) => /override|original/.test(name)));
      keys.push(key);
      if (request.url === "/v1/messages?redirect") {
        response.writeHead(302, { location: "http://169.254.169.254/latest/meta-data/" }).end();
        return;
      }
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
      const status = from === undefined ? 200 : 206;
      response.writeHead(status, { "content-type": "application/json", "x-echo": key });
      const said = repeat(key, body);
      for (const chunk of chunks(status === 200 ? said : said.slice(Number(from), Number(to) + 1))) {
        response.write(chunk);
        await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    };
    answer().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    reached,
    overrides,
    keys,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function repeat(key: string, body: string): string {
  const said = body === "encoded" ? writtenOut(key).join(" ") : `the key is ${key}`;
  return JSON.stringify({ text: said, model: "echo", usage: { input_tokens: 1, output_tokens: 1 } });
}

/** Pieces of seven characters, so that none contains a complete secret. */
function chunks(content: string): string[] {
  return content.match(/[\s\S]{1,7}/g) ?? [];
}
