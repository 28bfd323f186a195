import assert from "node:assert/strict";
import { test } from "node:test";
import { operator } from "./person.ts";
import { recordOfRequest } from "./person-log.ts";

test("reading is not recorded, but an export of an organization is", () => {
  const params = { organization: "org0123456789ab" };
  assert.equal(
    recordOfRequest(operator, "GET /people/organizations/:organization/members", params),
    undefined,
  );
  const record = recordOfRequest(operator, "GET /people/organizations/:organization/export", params);
  assert.equal(record?.type, "person.request");
  assert.equal(record?.data["organization"], params.organization);
});
