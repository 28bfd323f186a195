import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { openApiDocument } from "../src/openapi/document.ts";

const document = openApiDocument();
const ajv = new Ajv2020({ strict: false, allErrors: true });
formats.default(ajv, ["date-time"]);
ajv.addSchema(document, "document");

/** `GET /v1/fs/{id}` of each documented operation. */
export function documentedOperations(): Set<string> {
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  );
  return new Set(operations);
}

/**
 * Asserts that a response matches the document: its status is listed, its content type belongs to the status, and a
 * JSON body fits the schema. `path` is the documented one, with `{names}`.
 */
export function assertDocumented(
  method: "get" | "post" | "put" | "patch" | "delete",
  path: string,
  response: Response,
  body: unknown,
): void {
  const what = `${method.toUpperCase()} ${path} ${response.status}`;
  const operation = document.paths[path]?.[method];
  assert.ok(operation, `${what} is not documented`);
  const documented = operation.responses[String(response.status)];
  assert.ok(documented, `the status of ${what} is not documented`);
  const type = (response.headers.get("content-type") ?? "").split(";", 1)[0] ?? "";
  if (!documented.content) {
    assert.equal(type, "", `${what} has no content in the document`);
    return;
  }
  assert.ok(Object.hasOwn(documented.content, type), `${what}: "${type}" is not documented`);
  if (!/json$/.test(type)) return;
  const pointer = ["paths", path, method, "responses", String(response.status), "content", type, "schema"]
    .map((name) => encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1")))
    .join("/");
  const validate = ajv.getSchema(`document#/${pointer}`);
  assert.ok(validate, `${what} has no schema`);
  assert.ok(validate(body), `${what}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(body)}`);
}
