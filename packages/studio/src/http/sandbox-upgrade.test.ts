import assert from "node:assert/strict";
import { test } from "node:test";
import { desktopStreamPath } from "./sandbox-upgrade.ts";

test("whoever may not use a desktop looks only, whatever the query asks for", () => {
  const viewOnly = (search: string, mayUse: boolean) =>
    new URL(desktopStreamPath(search, mayUse), "http://sandbox").searchParams.getAll("viewOnly").join();
  assert.equal(viewOnly("", true), "false");
  assert.equal(viewOnly("?viewOnly=true", true), "true");
  for (const search of ["", "?viewOnly=false", "?viewOnly=false&viewOnly=true", "?x=y"]) {
    assert.equal(viewOnly(search, false), "true", search);
  }
});
