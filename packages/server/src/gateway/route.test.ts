import assert from "node:assert/strict";
import { test } from "node:test";
import { localPath } from "./route.ts";

const id = "0198a1b2-0000-7000-8000-00000000abcd";

test("a mount path is separated from the gateway's part, even if it contains /actors", () => {
  for (const [url, part] of [
    ["/api/holdfast/actors/room/@a,/actions/say", "/actors/room/@a,/actions/say"],
    ["/api/actors/actors/room/@a,/actions/say?create=true", "/actors/room/@a,/actions/say?create=true"],
    ["/api/actors/v1/actors/room/~a,/request/actors/b/@c", "/actors/room/~a,/request/actors/b/@c"],
    [`/api/actors/actors/room/${id}/connect`, `/actors/room/${id}/connect`],
    // An actor may have this name, too.
    ["/api/actors/actors/@a,/reload", "/actors/actors/@a,/reload"],
    ["/api/actors/actors/actors/@a,/reload", "/actors/actors/@a,/reload"],
    ["/api/actors/actors/room/no-such-id/actions/say", "/actors/room/no-such-id/actions/say"],
    ["/api/actors/actors/names", "/actors/names"],
    ["/api/actors/names", "/actors/names"],
    ["/api/actors/actors?name=room", "/actors?name=room"],
    ["/api/actors?name=room", "/actors?name=room"],
    ["/api/actors/health", "/health"],
    ["/api/actors/metadata?x=1", "/metadata"],
    ["/health", "/health"],
    ["/", "/"],
  ] as const) {
    assert.equal(localPath(url, "anywhere"), part, url);
  }
});
