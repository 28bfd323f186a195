import { type MigrationState, migrationState } from "@holdfast/store-kit";
import pg from "pg";
import { postgresStoreLimits } from "../../limits.ts";
import { decodeField } from "../connection/transaction-query.ts";
import { mapConnectionError } from "../errors.ts";
import type { Row } from "../rows.ts";
import { checkSchemaName } from "../schema.ts";
import { MigrationMark } from "./mark.ts";

/** Looks at a database without changing it. Errors: see `migrateToPostgres`. */
export async function inspectTarget(url: string, name: string, sourceId: string): Promise<MigrationState> {
  const schema = checkSchemaName(name);
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: postgresStoreLimits.connectTimeoutMs,
    types: { getTypeParser: (type: number) => (field: string) => decodeField(type, field) },
  } as pg.ClientConfig);
  // An unhandled error event would end the process.
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query("SELECT to_regclass($1) IS NULL AS missing", [`${schema}.node`]);
    if (rows[0]?.missing === true) return "not begun";
    const query = async (text: string, values: readonly unknown[]) =>
      (await client.query(text, [...values])).rows as readonly Row[];
    return migrationState(await new MigrationMark(query, schema, sourceId).read());
  } catch (error) {
    throw mapConnectionError(error);
  } finally {
    await client.end().catch(() => {});
  }
}
