import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { mkdtempSync, realpathSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { removeAtExit } from "@holdfast/testing/scratch";
import { defaultLimits } from "../../limits.ts";
import { Paths } from "../paths/paths.ts";
import { sendChanges } from "./watch.ts";

const skip = process.platform === "linux" ? false : "directories are watched on Linux only";

test("a watch retains nothing of the changes that it has sent", { skip }, async (t) => {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-watch-")));
  removeAtExit(directory);
  const paths = await Paths.create(undefined, directory);
  const place = await paths.walk(directory, { follow: true });
  const gone = new AbortController();
  const ended = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    const exchange = { request, response, params: {}, query: new URLSearchParams(), signal: gone.signal };
    sendChanges(exchange, place, false, defaultLimits).then(ended.resolve, ended.reject);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const { body } = await fetch(`http://127.0.0.1:${address.port}/`);
  assert.ok(body);
  let text = "";
  let count = 0;
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (!text.includes(count === 0 ? "event: ready" : `/file-${count}"`)) continue;
    if (count === 20) break;
    count += 1;
    writeFileSync(join(directory, `file-${count}`), "");
  }
  assert.ok(getEventListeners(gone.signal, "abort").length < 5, "each change left a listener");
  gone.abort();
  await ended.promise;
});
