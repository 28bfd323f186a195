import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import WebSocket from "ws";
import type { EnvironmentView, StudioClient } from "../../src/index.ts";
import { sh } from "../support.ts";

/** Commits files to a repository. */
export function commit(repository: string, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(repository, name)), { recursive: true });
    writeFileSync(join(repository, name), content);
  }
  sh(repository, "add", "-A");
  sh(repository, "commit", "-q", "-m", "change");
}

export const environmentFile = ".holdfast/environment.yaml";

/** Waits until a view satisfies `is`, driven by events. */
export async function untilEnvironment(
  client: StudioClient,
  id: string,
  is: (view: EnvironmentView) => boolean,
): Promise<EnvironmentView> {
  const found = Promise.withResolvers<EnvironmentView>();
  const look = () =>
    client
      .environment(id)
      .get()
      .then((view) => {
        if (is(view)) found.resolve(view);
      }, found.reject);
  const subscriptions = [
    await client.environment(id).on("changed", look),
    await client.environment(id).on("output", look),
  ];
  const timer = setTimeout(
    () =>
      void client
        .environment(id)
        .get()
        .then((view) => found.reject(new Error(`not reached: ${JSON.stringify(view)}`)), found.reject),
    120_000,
  );
  try {
    await look();
    return await found.promise;
  } finally {
    clearTimeout(timer);
    for (const each of subscriptions) await each.close();
  }
}

/** Prepares the last commit of a repository; resolves with the end. */
export async function prepare(
  client: StudioClient,
  repository: string,
  options: { readonly again?: boolean } = {},
): Promise<EnvironmentView> {
  const { id = "" } = await client.organization.prepareEnvironment(repository, options);
  return untilEnvironment(client, id, ({ status }) => status !== "preparing");
}

/** Asks for a terminal on the failed step of an environment. */
export function requestTerminal(url: string, cookie: string, id: string): Promise<Response> {
  return fetch(`${url}/environments/${id}/terminals`, { method: "POST", headers: { cookie } });
}

/** A terminal in the sandbox of a failed step. */
export async function openTerminal(t: TestContext, url: string, cookie: string, id: string) {
  const response = await requestTerminal(url, cookie, id);
  assert.equal(response.status, 201, await response.clone().text());
  const { id: process } = (await response.json()) as { readonly id: string };
  const path = `/environments/${id}/sandbox/v1/processes/${process}/terminal/ws`;
  const socket = new WebSocket(url + path, { headers: { cookie } });
  t.after(() => socket.terminate());
  const output = new EventEmitter();
  let text = "";
  socket.on("message", (data, isBinary) => {
    if (!isBinary) return;
    text += String(data);
    output.emit("more");
  });
  const closed = once(socket, "close");
  await once(socket, "open");
  return {
    closed,
    send: (line: string) => socket.send(JSON.stringify({ type: "input", data: `${line}\n` })),
    shown: async (wanted: string) => {
      while (!text.includes(wanted))
        await Promise.race([once(output, "more"), closed.then(() => assert.fail(text))]);
    },
  };
}
