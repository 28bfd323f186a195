import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import type * as Client from "@holdfast/sandbox-client";
import type { RunningServer } from "./server.ts";

/** The surface that both clients have: the cases are one program whose import is changed. */
export type Sdk = Pick<
  typeof Client,
  | "SandboxAgent"
  | "Session"
  | "LiveAcpConnection"
  | "ProcessTerminalSession"
  | "DesktopStreamSession"
  | "InMemorySessionPersistDriver"
  | "SandboxAgentError"
  | "AcpRpcError"
  | "UnsupportedSessionValueError"
  | "UnsupportedSessionConfigOptionError"
  | "buildInspectorUrl"
>;

/** A client with a directory of its own, on a server that others use too. */
export interface World {
  readonly sdk: Sdk;
  readonly server: RunningServer;
  readonly client: Client.SandboxAgent;
  /** Absolute, empty, in the working directory of the server. */
  readonly directory: string;
  /** An open session; `optioned` has everything that can be set. */
  session(agent?: string): Promise<Client.Session>;
  /** Is called when the case has ended. */
  after(step: () => Promise<unknown> | undefined): void;
}

export async function withWorld(
  sdk: Sdk,
  server: RunningServer,
  use: (world: World) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(server.work, "case-"));
  const client = await sdk.SandboxAgent.connect({ baseUrl: server.url, token: server.token });
  const steps: (() => Promise<unknown> | undefined)[] = [];
  try {
    await use({
      sdk,
      server,
      client,
      directory,
      session: (agent = "optioned") => client.createSession({ agent, cwd: directory }),
      after: (step) => void steps.push(step),
    });
  } finally {
    for (const step of steps.reverse()) await step();
    await client.dispose();
  }
}

/** Resolves with the first value that `listen` hands out and `wanted` takes. */
export function first<T>(
  listen: (listener: (value: T) => void) => unknown,
  wanted: (value: T) => boolean = () => true,
): Promise<T> {
  return new Promise((resolve) => {
    listen((value) => {
      if (wanted(value)) resolve(value);
    });
  });
}

export const text = (value: string): Client.ContentBlock[] => [{ type: "text", text: value }];

/** Resolves with the agent's text when it matches `pattern`; call it before the prompt. */
export async function hears(session: Client.Session, pattern: RegExp): Promise<string> {
  const events: Client.SessionEvent[] = [];
  await first<Client.SessionEvent>(
    (listener) => session.onEvent(listener),
    (event) => {
      events.push(event);
      return pattern.test(said(events));
    },
  );
  return said(events);
}

/** The agent's text in the events of a session. */
export function said(events: readonly Client.SessionEvent[]): string {
  return events
    .map(({ payload }) => JSON.parse(JSON.stringify(payload)))
    .filter(({ method, params }) => method === "session/update" && params.update.content?.type === "text")
    .map(({ params }) => params.update.content.text)
    .join("");
}

/** That a call fails with the error class of the client, and the status. */
export async function refused(sdk: Sdk, call: Promise<unknown>, status: number): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.ok(error instanceof sdk.SandboxAgentError, `not a SandboxAgentError: ${String(error)}`);
    assert.equal(error.status, status);
    return true;
  });
}

export function decode(data: string | Uint8Array): string {
  return typeof data === "string"
    ? Buffer.from(data, "base64").toString("utf8")
    : new TextDecoder().decode(data);
}
