/** Requests to a window manager that is not there yet, on a real X server. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { removeAtExit } from "@holdfast/testing/scratch";
import { findProgram } from "../display/programs.ts";
import { writeAuthority } from "../x/authority.ts";
import { XConnection } from "../x/connection.ts";
import { x11 } from "../x/library.ts";
import type { XEvent } from "../x/protocol.ts";
import { Windows } from "./windows.ts";

const needsX = {
  timeout: 20_000,
  skip: findProgram("Xvfb", process.env["PATH"]) === undefined ? "needs Xvfb" : false,
};
const replaceProperty = 0;
const cardinal = 6;

test("is asked again until it answers", needsX, async (t) => {
  const [ours, managers] = await connectTwice(t);
  const manager = await startManager(managers, 3);
  const windows = new Windows(ours);
  await windows.ready();
  // Two requests were lost, as openbox loses those before the end of its start.
  assert.equal(manager.asked(), 3);
  await windows.ready();
  assert.equal(manager.asked(), 4);
});

/** Answers requests for the extents of a frame from the given one on. */
async function startManager(connection: XConnection, firstAnswered: number) {
  const [request, extents] = await Promise.all([
    connection.atom("_NET_REQUEST_FRAME_EXTENTS"),
    connection.atom("_NET_FRAME_EXTENTS"),
  ]);
  let asked = 0;
  connection.listen((event: XEvent & { readonly message_type?: number }) => {
    const { name, wid, message_type: type } = event;
    if (name !== "ClientMessage" || type !== request || wid === undefined) return;
    asked += 1;
    if (asked < firstAnswered) return;
    connection.send((client) =>
      client.ChangeProperty(replaceProperty, wid, extents, cardinal, 32, Buffer.alloc(16)),
    );
  });
  const eventMask = x11.eventMask.SubstructureRedirect ?? 0;
  connection.send((client) => client.ChangeWindowAttributes(connection.root, { eventMask }));
  await connection.sync();
  return { asked: () => asked };
}

async function connectTwice(t: TestContext): Promise<[XConnection, XConnection]> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-windows-"));
  removeAtExit(directory);
  const authority = join(directory, "authority");
  const cookie = await writeAuthority(authority);
  const server = spawn("Xvfb", ["-displayfd", "1", "-auth", authority, "-nolisten", "tcp", "-noreset"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = once(server, "exit");
  t.after(async () => {
    server.kill();
    await ended;
  });
  const [number] = (await once(createInterface({ input: server.stdout }), "line")) as [string];
  const connections = [
    await XConnection.connect(`:${number}`, cookie),
    await XConnection.connect(`:${number}`, cookie),
  ] as [XConnection, XConnection];
  t.after(() => {
    for (const connection of connections) connection.close();
  });
  return connections;
}
