/**
 * The names that the entry points of the peer export are exported here too: values by looking at the
 * modules, types by a program that names each of them and is type-checked.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");

interface EntryPoint {
  readonly values: readonly string[];
  /** With their type arguments, where they need some. */
  readonly types: readonly string[];
}

const any6 = "unknown, unknown, unknown, unknown, unknown, undefined";

const entryPoints: Readonly<Record<string, EntryPoint>> = {
  "holdfast/workflow": {
    values: ["Loop", "workflow"],
    types: [
      "TryBlockCatchKind",
      "TryBlockConfig<1, 2>",
      "TryBlockFailure",
      "TryBlockResult<1>",
      "TryStepCatchKind",
      "TryStepConfig<1, 2>",
      "TryStepFailure",
      "TryStepResult<1>",
      `WorkflowBranchConfig<1, ${any6}, object, object>`,
      "WorkflowBranchContextOf<Some>",
      `WorkflowContext<${any6}>`,
      "WorkflowContextOf<Some>",
      "WorkflowError",
      "WorkflowErrorEvent",
      `WorkflowLoopConfig<1, 2, ${any6}, object, object>`,
      "WorkflowLoopContextOf<Some>",
      `WorkflowOptions<${any6}>`,
      `WorkflowStepConfig<1, ${any6}, object, object>`,
      `WorkflowStepContext<${any6}>`,
      "WorkflowStepContextOf<Some>",
      `WorkflowTryConfig<1, ${any6}, object, object>`,
      `WorkflowTryStepConfig<1, ${any6}, object, object>`,
    ],
  },
  "holdfast/db": {
    values: ["db"],
    types: [
      "AnyDatabaseProvider",
      "DatabaseProvider<1>",
      "DatabaseProviderContext",
      "InferDatabaseClient<DatabaseProvider<1>>",
      "NativeDatabaseProvider",
      "RawAccess",
      "RawDatabaseClient",
      "SqliteBindings",
      "SqliteDatabase",
      "SqliteProfilingOptions",
      "SqliteQueryResult",
      "SqliteTransactionOptions",
    ],
  },
  "holdfast/db/drizzle": {
    values: [
      "alias",
      "check",
      "db",
      "defineConfig",
      "foreignKey",
      "index",
      "integer",
      "primaryKey",
      "sqliteTable",
      "sqliteTableCreator",
      "text",
      "unique",
      "uniqueIndex",
    ],
    types: ["DrizzleDatabaseFactoryConfig<Record<string, never>>", "SQLiteTable"],
  },
  "holdfast/unstable/migrations": {
    values: ["DEFAULT_MIGRATION_TABLE_NAME", "migrations"],
    types: ["Migration", "MigrationDatabase", "MigrationsOptions"],
  },
  "holdfast/test": { values: ["setupTest"], types: ["SetupTestResult<Some>"] },
  "holdfast/react": {
    values: ["ActorConnDisposed", "createClient", "createRivetKit", "createRivetKitWithClient"],
    types: ["ActorConnStatus"],
  },
  "holdfast/next-js": { values: ["toNextHandler"], types: [] },
  "holdfast/next-js/client": {
    values: ["ActorConnDisposed", "createClient", "createRivetKit", "createRivetKitWithClient"],
    types: ["ActorConnStatus"],
  },
};

describe("the entry points of the peer", () => {
  const directory = join(root, ".cache", "entry-points");
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const [entry, { values }] of Object.entries(entryPoints)) {
    test(`${entry} exports its values`, async () => {
      const exported = (await import(entry)) as Record<string, unknown>;
      assert.deepEqual(
        values.filter((name) => exported[name] === undefined),
        [],
      );
    });
  }

  test("export their types", async () => {
    mkdirSync(directory, { recursive: true });
    let number = 0;
    for (const [entry, { types }] of Object.entries(entryPoints)) {
      const names = new Set(types.map((type) => type.replace(/<.*/s, "")));
      if (names.size === 0) continue;
      const lines = types.map((type, index) => `export type T${index} = ${fill(entry, type)};`);
      const text = [
        `import type { ${[...names].join(", ")} } from "${entry}";`,
        `import { actor, setup } from "holdfast";`,
        `export const some = actor({ actions: {} });`,
        `export const registry = setup({ use: { some } });`,
        ...lines,
      ];
      writeFileSync(join(directory, `entry-${number++}.ts`), text.join("\n"));
    }
    const compilerOptions = {
      target: "es2024",
      lib: ["es2024", "esnext", "dom", "dom.iterable"],
      module: "nodenext",
      moduleResolution: "nodenext",
      strict: true,
      allowImportingTsExtensions: true,
      skipLibCheck: true,
      noEmit: true,
      types: ["node"],
    };
    writeFileSync(join(directory, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    await run(process.execPath, [tsc, "-p", directory], { maxBuffer: 1 << 24 }).catch(
      (error: { stdout: string }) => assert.fail(error.stdout),
    );
  });
});

function fill(entry: string, type: string): string {
  return type.replace("Some", entry === "holdfast/test" ? "typeof registry" : "typeof some");
}
