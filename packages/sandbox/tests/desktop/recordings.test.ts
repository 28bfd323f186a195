/** Recordings of a small screen on which something moves. ffprobe plays them. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporary, until } from "../harness.ts";
import { DesktopApi } from "./desktop-api.ts";

function framesOf(path: string): number {
  const count = ["-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"];
  return Number(execFileSync("ffprobe", [...count, path], { encoding: "utf8" }));
}

test("recordings play, also one that was killed, and outlive the server", { timeout: 120_000 }, async (t) => {
  const dataDirectory = await temporary(t);
  const video = join(await temporary(t), "video.mp4");
  const api = await DesktopApi.start(t, { dataDirectory });
  assert.deepEqual(await api.get("recordings"), { recordings: [] });
  assert.equal((await api.post("recording/stop", {}, 409)).code, "conflict");
  // An odd size, which H.264 does not have.
  await api.post("start", { width: 321, height: 241, recordingFps: 10 });
  await api.terminal("while :; do date; sleep 0.1; done");
  const bytes = async (id: string) => (await api.get(`recordings/${id}`)).bytes;

  const first = await api.post("recording/start");
  assert.deepEqual([first.id, first.status, first.fileName], ["rec_1", "recording", "rec_1.mp4"]);
  await api.post("recording/start", {}, 409);
  await api.call("DELETE", "recordings/rec_1", 409);
  const header = first.bytes;
  await until("the first second is on disk", async () => (await bytes("rec_1")) > header + 500);
  const stopped = await api.post("recording/stop");
  assert.equal(stopped.status, "completed");
  assert.ok(stopped.endedAt > stopped.startedAt);
  const { response, body } = await api.call("GET", "recordings/rec_1/download", 200);
  assert.equal(response.headers.get("content-type"), "video/mp4");
  assert.equal(body.length, stopped.bytes);
  writeFileSync(video, body);
  assert.ok(framesOf(video) >= 10, `${framesOf(video)} frames`);

  const second = await api.post("recording/start", { fps: 100 });
  await until("the first second is on disk", async () => (await bytes("rec_2")) > second.bytes + 500);
  const listed = await api.sandbox.fetch(`${api.sandbox.url}/v1/processes/${second.processId}`);
  process.kill(((await listed.json()) as { pid: number }).pid, "SIGKILL");
  await until("the end is seen", async () => (await api.get("recordings/rec_2")).status !== "recording");
  writeFileSync(video, await api.get("recordings/rec_2/download"));
  assert.ok(framesOf(video) >= 10, `${framesOf(video)} frames after SIGKILL`);

  await api.post("recording/start");
  await api.sandbox.close();
  const next = await DesktopApi.start(t, { dataDirectory });
  const { recordings } = await next.get("recordings");
  assert.deepEqual(
    recordings.map(({ id, status }: { id: string; status: string }) => [id, status]),
    [
      ["rec_1", "completed"],
      ["rec_2", "completed"],
      ["rec_3", "completed"],
    ],
  );
  await next.call("DELETE", "recordings/rec_1", 204);
  assert.equal((await next.get("recordings/rec_1", 404)).details.resource, "desktop_recording");
  await next.get("recordings/rec_1/download", 404);
});
