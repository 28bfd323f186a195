import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { SandboxServerOptions } from "../../src/index.ts";
import { assertDocumented } from "../documented.ts";
import { type Sandbox, startSandbox } from "../harness.ts";

/** Calls the desktop routes of a server, and holds each answer against the OpenAPI document. */
export class DesktopApi {
  readonly sandbox: Sandbox;

  constructor(sandbox: Sandbox) {
    this.sandbox = sandbox;
  }

  static async start(t: TestContext, options: Partial<SandboxServerOptions> = {}): Promise<DesktopApi> {
    return new DesktopApi(await startSandbox(t, "unix", options));
  }

  // biome-ignore lint/suspicious/noExplicitAny: the document has checked the shape of the answer.
  async get(path: string, status = 200): Promise<any> {
    return (await this.call("GET", path, status)).body;
  }

  // biome-ignore lint/suspicious/noExplicitAny: as above.
  async post(path: string, body: object = {}, status = 200): Promise<any> {
    return (await this.call("POST", path, status, body)).body;
  }

  async call(method: "GET" | "POST" | "DELETE", path: string, status: number, body?: object) {
    const response = await this.sandbox.fetch(`${this.sandbox.url}/v1/desktop/${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    const isJson = /json/.test(response.headers.get("content-type") ?? "");
    const answer = isJson ? JSON.parse(bytes.toString("utf8")) : bytes;
    assert.equal(response.status, status, `${method} ${path}: ${isJson ? JSON.stringify(answer) : ""}`);
    assertDocumented(method.toLowerCase() as "get", templateOf(path), response, answer);
    return { response, body: answer };
  }

  /** Runs a command of the server to its end, beside the desktop. */
  async run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const response = await this.sandbox.fetch(`${this.sandbox.url}/v1/processes/run`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ command, args, env }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: the answer of another route, whose tests check it.
    return (await response.json()) as any;
  }

  /** Launches xterm with a command; resolves to the id of its window. */
  async terminal(script: string): Promise<string> {
    const { windowId } = await this.post("launch", {
      app: "xterm",
      args: ["-geometry", "80x24+100+100", "-T", "test terminal", "-e", "sh", "-c", script],
      wait: true,
    });
    assert.ok(windowId, "no window opened");
    return String(windowId);
  }
}

/** The path as the document has it. */
function templateOf(path: string): string {
  const [plain = ""] = path.split("?");
  const template = plain
    .replace(/^windows\/(?!focused)[^/]+/, "windows/{id}")
    .replace(/^recordings\/[^/]+/, "recordings/{id}");
  return `/v1/desktop/${template}`;
}
