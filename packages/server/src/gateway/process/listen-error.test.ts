import assert from "node:assert/strict";
import { constants } from "node:os";
import { test } from "node:test";
import { listenError } from "./listen-error.ts";

function refusal(code: keyof typeof constants.errno): NodeJS.ErrnoException {
  return Object.assign(new Error(`listen ${code}`), { code, errno: -constants.errno[code] });
}

test("a privileged port is reported with what to do", () => {
  const error = listenError(refusal("EACCES"), "127.0.0.1", 80);
  assert.equal(error.code, "cannot_listen");
  assert.match(error.message, /may not listen on port 80 of 127\.0\.0\.1.*HOLDFAST_PORT=6421$/);
  assert.deepEqual(error.metadata, { host: "127.0.0.1", port: 80, reason: "EACCES" });
});

test("any other error has the text of the operating system", () => {
  const { message } = listenError(refusal("EMFILE"), "127.0.0.1", 6420);
  assert.equal(message, "Cannot listen on port 6420 of 127.0.0.1: too many open files");
});
