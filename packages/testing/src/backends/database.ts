import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startSharedServer } from "../postgres/index.ts";

/** The test runner sets it, so that all tests use one server. */
const serverVariable = "HOLDFAST_TEST_POSTGRES";

let server: Promise<string> | undefined;

async function serverUrl(): Promise<string> {
  const given = process.env[serverVariable];
  if (given !== undefined && given !== "") return given;
  const url = await startSharedServer();
  // For processes that the test starts.
  process.env[serverVariable] = url;
  return url;
}

/**
 * URL of the data that belong to a directory: the same whenever, and in whichever process, the directory is opened
 * again. A schema of its own in a database that tests share.
 */
export async function databaseOf(directory: string): Promise<string> {
  server ??= serverUrl();
  const url = new URL(await server);
  const file = join(directory, "test-schema");
  mkdirSync(directory, { recursive: true });
  try {
    writeFileSync(file, `test_${randomUUID().replaceAll("-", "")}`, { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  url.searchParams.set("schema", readFileSync(file, "utf8"));
  return url.href;
}
